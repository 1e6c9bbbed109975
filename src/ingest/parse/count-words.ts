/**
 * The words of a text: runs of characters between white space that hold a letter or a digit; in scripts written
 * without spaces each character counts as one.
 */
export function countWords(text: string): number {
  let words = 0;
  let isCounted = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (isSpace(code)) isCounted = false;
    else if (isWrittenWithoutSpaces(code)) {
      words += 1;
      isCounted = false;
    } else if (!isCounted && isWordCharacter(code)) {
      words += 1;
      isCounted = true;
    }
  }
  return words;
}

function isSpace(code: number): boolean {
  return (
    code <= 0x20 || code === 0xa0 || (code >= 0x2000 && code <= 0x200a) || code === 0x2028 || code === 0x3000
  );
}

function isWordCharacter(code: number): boolean {
  if (code < 0x80) {
    return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39);
  }
  return code >= 0xaa && !(code >= 0x2000 && code <= 0x2bff);
}

/** Kana and Han characters; Korean and Thai are counted by their spaces. */
function isWrittenWithoutSpaces(code: number): boolean {
  return (
    (code >= 0x3041 && code <= 0x30ff) ||
    (code >= 0x3400 && code <= 0x9fff) ||
    (code >= 0xf900 && code <= 0xfaff)
  );
}
