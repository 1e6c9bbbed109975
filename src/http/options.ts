import { z } from 'zod';
import { StackloreError } from '../errors.ts';

const milliseconds = z.int().min(1).max(3_600_000);

/** How the HTTP server is run. */
export const serveOptions = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  /** 0: any free one. */
  port: z.int().min(0).max(65_535).default(7700),
  /** Ask for an API key even on loopback and before there is one. */
  requireKey: z.boolean().default(false),
  /** Origins of other sites whose pages may call the API from a browser. */
  corsOrigins: z
    .array(
      z
        .url({ protocol: /^https?$/, error: 'must be the address of a site, such as https://docs.example' })
        .transform((address) => new URL(address).origin),
    )
    .default([]),
  /** Names, beside loopback and `host`, by which callers may call the server; checked against the Host header. */
  allowedHosts: z.array(z.string().min(1).toLowerCase()).default([]),
  /** Requests of one client to one endpoint in a window of `rateWindowSeconds`; 0: as many as they like. */
  rateLimit: z.int().min(0).max(1_000_000_000).default(600),
  rateWindowSeconds: z.int().min(1).max(86_400).default(60),
  /** Requests under way at once; one more is answered 503. */
  maxConcurrent: z.int().min(1).max(100_000).default(512),
  /** The largest JSON body, and the largest uploaded file, in bytes. */
  bodyLimit: z
    .int()
    .min(1_024)
    .max(1_073_741_824)
    .default(4 * 1_048_576),
  uploadLimit: z
    .int()
    .min(1_024)
    .max(1_073_741_824)
    .default(64 * 1_048_576),
  /** A request that has not come within this time, and an answer that is not there by then, are given up. */
  requestTimeoutMs: milliseconds.default(30_000),
  answerTimeoutMs: milliseconds.default(60_000),
  /** How long answers of equal searches are kept in the response cache; 0: not at all. */
  cacheSeconds: z.int().min(0).max(86_400).default(300),
  /** Work on ingest jobs; one server of several is enough. */
  runJobs: z.boolean().default(true),
  /** How long after the death of the server that worked on it an ingest job is taken over. */
  jobLeaseMs: z.int().min(100).max(3_600_000).default(30_000),
  /** Let the ingest of URLs reach this machine and private networks. */
  allowPrivate: z.boolean().default(false),
  logLevel: z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info'),
  /** True where one proxy in front adds the address of a client to X-Forwarded-For. */
  trustProxy: z.boolean().default(false),
});
export type ServeInput = z.input<typeof serveOptions>;
export type ServeOptions = z.output<typeof serveOptions>;

/** Checks how a server is to be run. Throws `invalid_input` naming each bad setting. */
export function parseServeOptions(input: unknown): ServeOptions {
  const checked = serveOptions.safeParse(input);
  if (checked.success) return checked.data;
  const problems = checked.error.issues.map(
    ({ path, message }) => `${path.join('.') || 'options'}: ${message}`,
  );
  throw new StackloreError('invalid_input', {
    message: `The server cannot be run so. ${problems.join('; ')}.`,
  });
}
