import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What Prometheus is told of a server; one registry each, nothing global. */
export interface Measures {
  readonly contentType: string;
  observe(labels: { method: string; route: string; status: number }, seconds: number): void;
  /** Requests under way. */
  readonly inFlight: { inc(): void; dec(): void };
  text(): Promise<string>;
}

/** Makes the measures of one server. */
export function createMeasures(): Measures {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const duration = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Time from a request to its answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [register],
  });
  const inFlight = new Gauge({
    name: 'http_requests_in_flight',
    help: 'Requests that are not answered yet.',
    registers: [register],
  });
  return {
    contentType: register.contentType,
    observe: ({ method, route, status }, seconds) => duration.observe({ method, route, status }, seconds),
    inFlight,
    text: () => register.metrics(),
  };
}
