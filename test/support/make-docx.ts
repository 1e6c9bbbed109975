import { makeZip } from './make-zip.ts';

/** A part of a generated Word document. */
export type DocxBlock =
  | { readonly heading: string; readonly level?: 1 | 2 | 3 | 4 | 5 | 6 }
  | { readonly paragraph: string }
  | { readonly list: readonly string[] }
  | { readonly table: readonly (readonly string[])[] };

const WORD = 'http://schemas.openxmlformats.org/wordprocessingml/2006/main';
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006';
const HEADER = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';

/** A small valid Word document; a string stands for a paragraph. Equal input gives equal bytes. */
export function makeDocx(blocks: readonly (DocxBlock | string)[]): Buffer {
  return makeZip({
    '[Content_Types].xml': `${HEADER}<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/><Override PartName="/word/styles.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.styles+xml"/><Override PartName="/word/numbering.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.numbering+xml"/></Types>`,
    '_rels/.rels': `${HEADER}<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${OFFICE}/relationships/officeDocument" Target="word/document.xml"/></Relationships>`,
    'word/_rels/document.xml.rels': `${HEADER}<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" Type="${OFFICE}/relationships/styles" Target="styles.xml"/><Relationship Id="rId2" Type="${OFFICE}/relationships/numbering" Target="numbering.xml"/></Relationships>`,
    'word/styles.xml': `${HEADER}<w:styles xmlns:w="${WORD}">${[1, 2, 3, 4, 5, 6].map(headingStyle).join('')}</w:styles>`,
    'word/numbering.xml': `${HEADER}<w:numbering xmlns:w="${WORD}"><w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="-"/></w:lvl></w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>`,
    'word/document.xml': `${HEADER}<w:document xmlns:w="${WORD}"><w:body>${blocks.map(renderBlock).join('')}<w:sectPr/></w:body></w:document>`,
  });
}

function headingStyle(level: number): string {
  return `<w:style w:type="paragraph" w:styleId="Heading${level}"><w:name w:val="heading ${level}"/><w:pPr><w:outlineLvl w:val="${level - 1}"/></w:pPr></w:style>`;
}

function renderBlock(block: DocxBlock | string): string {
  if (typeof block === 'string') return renderParagraph(block);
  if ('heading' in block)
    return renderParagraph(block.heading, `<w:pStyle w:val="Heading${block.level ?? 1}"/>`);
  if ('paragraph' in block) return renderParagraph(block.paragraph);
  if ('list' in block) {
    const numbering = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>';
    return block.list.map((item) => renderParagraph(item, numbering)).join('');
  }
  const cell = (text: string): string => `<w:tc>${renderParagraph(text)}</w:tc>`;
  return `<w:tbl>${block.table.map((row) => `<w:tr>${row.map(cell).join('')}</w:tr>`).join('')}</w:tbl>`;
}

function renderParagraph(text: string, properties = ''): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const pPr = properties === '' ? '' : `<w:pPr>${properties}</w:pPr>`;
  return `<w:p>${pPr}<w:r><w:t xml:space="preserve">${escaped}</w:t></w:r></w:p>`;
}
