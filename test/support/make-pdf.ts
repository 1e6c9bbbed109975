/** What a generated PDF says about itself. */
export interface PdfOptions {
  readonly title?: string;
}

const FONT_SIZE = 11;
const LINE_GAP = 15;
const FIRST_LINE_Y = 740;

/**
 * A small valid PDF with the given lines of text on each page. A line starting with `# ` or `## ` is set larger, as a
 * heading; an empty line leaves a gap. Characters outside Latin-1 become `?`.
 */
export function makePdf(pages: readonly (readonly string[])[], options: PdfOptions = {}): Buffer {
  const pageIds = pages.map((_, index) => 5 + index * 2);
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Count ${pages.length} /Kids [${pageIds.map((id) => `${id} 0 R`).join(' ')}] >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
    `<< /Producer (stacklore fixtures)${options.title === undefined ? '' : ` /Title ${pdfString(options.title)}`} >>`,
  ];
  for (const [index, lines] of pages.entries()) {
    const content = pageContent(lines);
    objects.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents ${6 + index * 2} 0 R >>`,
      `<< /Length ${Buffer.byteLength(content, 'latin1')} >>\nstream\n${content}\nendstream`,
    );
  }
  return assemble(objects);
}

function pageContent(lines: readonly string[]): string {
  const operators: string[] = ['BT'];
  let y = FIRST_LINE_Y;
  for (const line of lines) {
    const level = /^(#{1,3}) /.exec(line)?.[1]?.length ?? 0;
    const size = level === 0 ? FONT_SIZE : 22 - level * 3;
    if (line !== '') {
      operators.push(`/F1 ${size} Tf 1 0 0 1 72 ${y} Tm ${pdfString(line.replace(/^#{1,3} /, ''))} Tj`);
    }
    y -= level === 0 ? LINE_GAP : LINE_GAP * 2;
  }
  return [...operators, 'ET'].join('\n');
}

function pdfString(value: string): string {
  const latin = [...value].map((character) => ((character.codePointAt(0) ?? 0) > 0xff ? '?' : character));
  return `(${latin.join('').replace(/[\\()]/g, '\\$&')})`;
}

function assemble(objects: readonly string[]): Buffer {
  let body = '%PDF-1.4\n%\u00e2\u00e3\u00cf\u00d3\n';
  const offsets: number[] = [];
  for (const [index, object] of objects.entries()) {
    offsets.push(body.length);
    body += `${index + 1} 0 obj\n${object}\nendobj\n`;
  }
  const rows = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const size = objects.length + 1;
  const trailer = `trailer\n<< /Size ${size} /Root 1 0 R /Info 4 0 R >>\nstartxref\n${body.length}\n%%EOF\n`;
  return Buffer.from(`${body}xref\n0 ${size}\n0000000000 65535 f \n${rows}${trailer}`, 'latin1');
}
