/**
 * Arrow keys go from the question through the hits and back, Escape goes back to the question; Enter opens, as hits are links.
 *
 * @param {{ input: HTMLInputElement, list: HTMLElement }} parts
 */
export function moveThroughHits({ input, list }) {
  const links = () => /** @type {HTMLElement[]} */ ([...list.querySelectorAll('a[data-hit]')]);

  input.addEventListener('keydown', (event) => {
    if (event.key !== 'ArrowDown') return;
    const [first] = links();
    if (!first) return;
    event.preventDefault();
    first.focus();
  });

  list.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      event.preventDefault();
      input.focus();
      return;
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    const all = links();
    const at = all.findIndex((link) => link.closest('li')?.contains(document.activeElement));
    if (at === -1) return;
    event.preventDefault();
    const next = all[at + step] ?? (step < 0 ? input : undefined);
    next?.focus();
    next?.closest('li')?.scrollIntoView({ block: 'nearest' });
  });
}
