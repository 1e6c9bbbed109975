import { gunzipSync } from 'node:zlib';
import { StackloreError } from '../errors.ts';
import { fetchUrl, normaliseUrl } from './fetch-url.ts';
import {
  DEFAULT_MAX_BYTES,
  failed,
  type ReadOptions,
  type SourceProblem,
  skipped,
  tooLarge,
} from './source.ts';

/** Pages that one sitemap adds unless told otherwise. */
const DEFAULT_MAX_PAGES = 1_000;
/** Sitemaps read for one sitemap index. */
const MAX_SITEMAPS = 50;

/** Whether a URL names a sitemap. */
export function isSitemap(url: URL): boolean {
  return /\/[^/]*sitemap[^/]*\.xml(?:\.gz)?$/i.test(url.pathname);
}

/** The pages of a sitemap, or of all sitemaps of an index, in their order; only those of its own host. */
export async function* readSitemap(start: URL, options: ReadOptions): AsyncGenerator<URL | SourceProblem> {
  const maxPages = options.maxPages ?? DEFAULT_MAX_PAGES;
  const seen = new Set<string>([start.href]);
  const waiting = [start];
  let pages = 0;
  for (let read = 0; read < waiting.length; read += 1) {
    const sitemap = waiting[read] ?? start;
    if (read === MAX_SITEMAPS) {
      yield failed(
        start.href,
        tooMany(start, `more than ${MAX_SITEMAPS} sitemaps. Give the ones you need by themselves.`),
      );
      return;
    }
    try {
      for (const { url, isIndex } of await readLocations(sitemap, options)) {
        if (seen.has(url.href)) continue;
        seen.add(url.href);
        if (siteOf(url) !== siteOf(start))
          yield skipped(url.href, 'url_refused', `It is not on the host of ${start.href}.`);
        else if (isIndex || isSitemap(url)) waiting.push(url);
        else if (pages === maxPages) {
          yield failed(
            start.href,
            tooMany(start, `more than ${maxPages} pages. Raise the limit with --max-pages.`),
          );
          return;
        } else {
          pages += 1;
          yield url;
        }
      }
    } catch (error) {
      yield failed(sitemap.href, error);
    }
  }
}

interface Location {
  readonly url: URL;
  /** Whether it is a sitemap of an index. */
  readonly isIndex: boolean;
}

async function readLocations(sitemap: URL, options: ReadOptions): Promise<Location[]> {
  const { bytes } = await fetchUrl(sitemap.href, options);
  const xml = unpack(sitemap, bytes, options.maxBytes ?? DEFAULT_MAX_BYTES).toString('utf8');
  const isIndex = /<(?:\w+:)?sitemapindex[\s>]/.test(xml);
  if (!isIndex && !/<(?:\w+:)?urlset[\s>]/.test(xml)) {
    throw new StackloreError('parse_failed', {
      message: `${sitemap.href} is no sitemap. Give the URLs of its pages.`,
    });
  }
  const locations: Location[] = [];
  for (const [, text = ''] of xml.matchAll(/<loc>([^<]*(?:<!\[CDATA\[[^\]]*\]\]>)?[^<]*)<\/loc>/g)) {
    const href = decodeXml(text);
    // A line that is no usable URL is the site's own mistake; the rest of its map still counts.
    if (URL.canParse(href, sitemap.href))
      locations.push({ url: normaliseUrl(new URL(href, sitemap).href), isIndex });
  }
  return locations;
}

function unpack(sitemap: URL, bytes: Buffer, maxBytes: number): Buffer {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    if (cause instanceof RangeError) throw tooLarge(sitemap.href, maxBytes);
    throw new StackloreError('parse_failed', {
      message: `${sitemap.href} is damaged. Try it again later.`,
      cause,
    });
  }
}

function decodeXml(text: string): string {
  return text
    .replace(/<!\[CDATA\[|\]\]>/g, '')
    .replace(/&(?:lt|gt|quot|apos|amp);/g, (entity) => ENTITIES[entity] ?? entity)
    .trim();
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&apos;': "'",
  '&amp;': '&',
};

function siteOf(url: URL): string {
  return url.host.replace(/^www\./, '');
}

function tooMany(sitemap: URL, what: string): StackloreError {
  return new StackloreError('too_large', { message: `${sitemap.href} names ${what}` });
}
