import type { Check, Problem } from './check.ts';

export const modelCheck: Check = {
  name: 'model',
  needs: 'knowledge',
  async find({ known, model }) {
    return known.flatMap(({ name, manifest }): Problem[] => {
      const made = manifest.model?.name;
      const isSame = made === model.name && (model.dimensions ?? manifest.dimensions) === manifest.dimensions;
      if (made === undefined || isSame) return [];
      return [
        {
          severity: 'warning',
          what: `Collection ${name} was made with model ${made} (${manifest.dimensions} dimensions), configured is ${model.name}.`,
          why: 'With this configuration text can neither be ingested into it nor searched in it.',
          fix: `Configure ${made}, or give the collection the configured one: stacklore reindex ${name} --reembed.`,
        },
      ];
    });
  },
};
