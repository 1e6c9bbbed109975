/** One step of provisioning, as data: what is fetched, how large it is, under which licence, how far it is. */
export interface ProvisionEvent {
  readonly kind: 'fetch' | 'progress' | 'done' | 'note';
  /** What is being fetched, in words a reader knows, e.g. `embedding model Xenova/all-MiniLM-L6-v2`. */
  readonly what: string;
  readonly bytes?: number;
  readonly totalBytes?: number;
  readonly licence?: string;
  readonly message?: string;
}

/** Receives provisioning events in order; `printReport` gives one that renders them. */
export type ProvisionReport = (event: ProvisionEvent) => void;

/** A report that prints to a stream: a moving progress line on a terminal, plain lines elsewhere. */
export function printReport(stream: ReportStream): ProvisionReport {
  const line = stream.isTTY === true ? movingLine(stream) : plainLines(stream);
  return (event) => {
    switch (event.kind) {
      case 'fetch':
        return line.print(fetchText(event));
      case 'progress':
        return line.progress(event);
      case 'done':
        return line.print(`${event.what}: ready${event.message === undefined ? '' : ` (${event.message})`}`);
      case 'note':
        return line.print(`${event.what}: ${event.message ?? ''}`);
    }
  };
}

/** A report that says nothing. */
export function silentReport(): void {}

/** What `printReport` writes to; `process.stdout` and `process.stderr` are such. */
export interface ReportStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Bytes as a reader says them, e.g. `23.0 MB` (1 MB is 1,000,000 bytes). */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function fetchText({ what, totalBytes, licence, message }: ProvisionEvent): string {
  const facts = [totalBytes === undefined ? undefined : formatBytes(totalBytes), licence].filter(
    (fact) => fact !== undefined,
  );
  const from = message === undefined ? '' : ` ${message}`;
  return `Fetching ${what}${from}${facts.length === 0 ? '' : ` (${facts.join('; ')})`}`;
}

interface Line {
  print(text: string): void;
  progress(event: ProvisionEvent): void;
}

function movingLine(stream: ReportStream): Line {
  let moving = false;
  return {
    print(text) {
      stream.write(`${moving ? '\r\u001b[K' : ''}${text}\n`);
      moving = false;
    },
    progress(event) {
      stream.write(`\r\u001b[K${progressText(event)}`);
      moving = true;
    },
  };
}

/** Without a terminal each quarter is a line, so that a log stays short. */
function plainLines(stream: ReportStream): Line {
  const lastQuarters = new Map<string, number>();
  return {
    print(text) {
      stream.write(`${text}\n`);
    },
    progress(event) {
      if (event.bytes === undefined || !event.totalBytes) return;
      const quarter = Math.floor((4 * event.bytes) / event.totalBytes);
      if (quarter <= (lastQuarters.get(event.what) ?? 0)) return;
      lastQuarters.set(event.what, quarter);
      stream.write(`${progressText(event)}\n`);
    },
  };
}

function progressText({ what, bytes = 0, totalBytes }: ProvisionEvent): string {
  if (!totalBytes) return `  ${what}: ${formatBytes(bytes)}`;
  const percent = Math.min(100, Math.floor((100 * bytes) / totalBytes));
  return `  ${what}: ${percent} % (${formatBytes(bytes)} of ${formatBytes(totalBytes)})`;
}
