import type { Multipart, MultipartFile } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import { StackloreError } from '../errors.ts';
import { Upload } from '../jobs/submit-job.ts';
import type { Stacklore } from '../stacklore.ts';
import { RequestError } from './problem.ts';
import { sourceName } from './source-name.ts';

/** What came as multipart/form-data: files, stored already, and the form's other fields. */
export interface ReadUpload {
  readonly upload: Upload;
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * Stores the files of a form as they come. Throws `too_large` beyond `mostBytes` in all, and `invalid_input` for a form
 * without files or with two of one name; nothing stays stored then.
 */
export async function readUpload(
  lore: Stacklore,
  request: FastifyRequest,
  { mostBytes }: { readonly mostBytes: number },
): Promise<ReadUpload> {
  const upload = new Upload(lore);
  const fields: Record<string, string> = Object.create(null);
  let left = mostBytes;
  async function* counted(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const part of content) {
      left -= part.length;
      if (left < 0) throw tooLarge(mostBytes);
      yield part;
    }
  }
  try {
    for await (const part of request.parts({ preservePath: true })) {
      if (!isFile(part)) fields[part.fieldname] = String(part.value);
      else if (part.fieldname !== 'file') throw refused(part.fieldname, 'files come in parts named "file"');
      else {
        const name = sourceName(part.filename, upload.names.length + 1);
        if (upload.names.includes(name)) throw refused('file', `two files are called "${name}"`);
        await upload.add({ name, mediaType: part.mimetype }, counted(part.file));
        if (part.file.truncated) throw tooLarge(mostBytes);
      }
    }
    if (upload.names.length === 0) throw refused('file', 'there is none. Send at least one');
    return { upload, fields };
  } catch (error) {
    await upload.discard();
    throw error;
  }
}

function isFile(part: Multipart): part is MultipartFile {
  return part.type === 'file';
}

function refused(path: string, message: string): RequestError {
  return new RequestError([{ path, message }]);
}

function tooLarge(mostBytes: number): StackloreError {
  return new StackloreError('too_large', {
    message: `The files are larger than ${mostBytes} bytes together. Send fewer at once, or split them.`,
  });
}
