/** @import { CollectionMap, MapPoint } from './types.d.ts' */

/** @typedef {{ docId: string, title: string, points: MapPoint[] }} MapDocument */

/** @typedef {{ scale: number, x: number, y: number }} Viewport screen = world * scale + x, or y */

/** The map before there is one. @type {CollectionMap} */
export const NOTHING = {
  points: [],
  documents: 0,
  chunks: 0,
  explainedVariance: { x: 0, y: 0 },
  warnings: [],
};

/**
 * The documents of a map, the one with the most points first.
 *
 * @param {readonly MapPoint[]} points
 * @returns {MapDocument[]}
 */
export function groupByDocument(points) {
  /** @type {Map<string, MapDocument>} */
  const documents = new Map();
  for (const point of points) {
    const { docId, title } = point;
    const known = documents.get(docId);
    if (known) known.points.push(point);
    else documents.set(docId, { docId, title: title || docId, points: [point] });
  }
  return [...documents.values()].sort((a, b) => b.points.length - a.points.length);
}

/**
 * The viewport in which all points are seen.
 *
 * @param {readonly { x: number, y: number }[]} points
 * @param {{ width: number, height: number, margin: number }} screen
 * @returns {Viewport}
 */
export function fitAll(points, { width, height, margin }) {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const { x, y } of points) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  if (left > right) return { scale: 1, x: width / 2, y: height / 2 };
  const room = { width: Math.max(1, width - 2 * margin), height: Math.max(1, height - 2 * margin) };
  const scale = Math.min(room.width / (right - left || 1), room.height / (bottom - top || 1));
  return { scale, x: width / 2 - ((left + right) / 2) * scale, y: height / 2 - ((top + bottom) / 2) * scale };
}

/**
 * The viewport nearer or farther, with one place of the screen staying where it is.
 *
 * @param {Viewport} viewport
 * @param {{ factor: number, x: number, y: number }} change
 * @returns {Viewport}
 */
export function zoomAt(viewport, { factor, x, y }) {
  return {
    scale: viewport.scale * factor,
    x: x - (x - viewport.x) * factor,
    y: y - (y - viewport.y) * factor,
  };
}

/**
 * The point nearest to a place of the screen, no farther from it than `reach` pixels.
 *
 * @template {{ x: number, y: number }} Point
 * @param {readonly Point[]} points
 * @param {Viewport} viewport
 * @param {{ x: number, y: number, reach: number }} place
 */
export function nearestPoint(points, { scale, x: left, y: top }, { x, y, reach }) {
  let best;
  let least = reach * reach;
  for (const point of points) {
    const [dx, dy] = [point.x * scale + left - x, point.y * scale + top - y];
    const distance = dx * dx + dy * dy;
    if (distance > least) continue;
    least = distance;
    best = point;
  }
  return best;
}

/**
 * The next point from one in a direction of the screen, or the first where there is none to start from.
 *
 * @template {{ x: number, y: number }} Point
 * @param {readonly Point[]} points
 * @param {Point | undefined} from
 * @param {{ x: number, y: number }} direction of length 1
 */
export function pointTowards(points, from, direction) {
  if (!from) return points[0];
  let best;
  let least = Infinity;
  for (const point of points) {
    const [dx, dy] = [point.x - from.x, point.y - from.y];
    const along = dx * direction.x + dy * direction.y;
    const aside = Math.abs(dx * direction.y - dy * direction.x);
    // What lies more to the side than ahead is for another key; sideways counts twice, so that the way goes straight on.
    if (along <= 0 || aside > along || along + 2 * aside >= least) continue;
    least = along + 2 * aside;
    best = point;
  }
  return best;
}
