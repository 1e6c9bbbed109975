import { readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import ignore, { type Ignore } from 'ignore';

interface Matcher {
  readonly folder: string;
  readonly rules: Ignore;
}

/** What the `.gitignore` files of a folder tree leave out: those of the tree and, within a repository, those above. */
export class IgnoreRules {
  readonly #root: string;
  readonly #top: readonly Matcher[];
  readonly #matchers = new Map<string, Promise<readonly Matcher[]>>();

  private constructor(root: string, above: readonly Matcher[]) {
    this.#root = root;
    this.#top = above;
  }

  /** The rules for what lies below a folder. A folder that rules above it would leave out was asked for by name. */
  static async open(root: string): Promise<IgnoreRules> {
    const above: Matcher[] = [];
    const repository = await findRepository(root);
    if (repository !== undefined && repository !== root) {
      const folders = relative(repository, dirname(root)).split(sep).filter(Boolean);
      let folder = repository;
      for (const name of ['', ...folders]) {
        folder = join(folder, name);
        const found = await readRules(folder);
        if (found) above.push(found);
      }
    }
    return new IgnoreRules(root, isLeftOut(above, root, true) ? [] : above);
  }

  /** Whether a path directly in a folder that is not left out itself is left out. */
  async isIgnored(path: string, isFolder: boolean): Promise<boolean> {
    return isLeftOut(await this.#matchersOf(dirname(path)), path, isFolder);
  }

  /** Whether a file, or any folder between it and the root, is left out. */
  async isIgnoredFile(path: string): Promise<boolean> {
    const names = relative(this.#root, path).split(sep);
    let at = this.#root;
    for (const [index, name] of names.entries()) {
      at = join(at, name);
      if (await this.isIgnored(at, index < names.length - 1)) return true;
    }
    return false;
  }

  /** The rules that hold in a folder, outermost first. */
  #matchersOf(folder: string): Promise<readonly Matcher[]> {
    const known = this.#matchers.get(folder);
    if (known) return known;
    const made = this.#collect(folder);
    this.#matchers.set(folder, made);
    return made;
  }

  async #collect(folder: string): Promise<readonly Matcher[]> {
    const isBelow =
      folder !== this.#root && folder.startsWith(this.#root + (this.#root.endsWith(sep) ? '' : sep));
    const above = isBelow ? await this.#matchersOf(dirname(folder)) : this.#top;
    const own = await readRules(folder);
    return own ? [...above, own] : above;
  }
}

function isLeftOut(matchers: readonly Matcher[], path: string, isFolder: boolean): boolean {
  for (const { folder, rules } of matchers.toReversed()) {
    const name = relative(folder, path).split(sep).join('/');
    const { ignored, unignored } = rules.test(isFolder ? `${name}/` : name);
    if (ignored || unignored) return ignored;
  }
  return false;
}

async function readRules(folder: string): Promise<Matcher | undefined> {
  try {
    return { folder, rules: ignore().add(await readFile(join(folder, '.gitignore'), 'utf8')) };
  } catch {
    return undefined; // no such file, or none that can be read
  }
}

async function findRepository(from: string): Promise<string | undefined> {
  for (let folder = from; ; folder = dirname(folder)) {
    const isRepository = await stat(join(folder, '.git')).then(
      () => true,
      () => false,
    );
    if (isRepository) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}
