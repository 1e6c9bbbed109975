import { describe, expect, test } from 'vitest';
import { fitAll, groupByDocument, nearestPoint, pointTowards, zoomAt } from '../../src/web/map-scene.js';

const point = (x: number, y: number, docId = 'a') => ({ chunkId: `${x} ${y}`, docId, title: '', x, y });

describe('the viewport', () => {
  test('shows all points, the farther direction from margin to margin', () => {
    const { scale, x, y } = fitAll([point(-1, 0), point(1, 0.5)], { width: 220, height: 220, margin: 10 });
    expect([-1 * scale + x, 1 * scale + x]).toEqual([10, 210]);
    expect(0.25 * scale + y).toBe(110);
  });

  test('is usable with one point, and with none', () => {
    for (const points of [[], [point(3, 3)]]) {
      const { scale, x, y } = fitAll(points, { width: 100, height: 100, margin: 10 });
      expect([scale, x, y].every(Number.isFinite)).toBe(true);
    }
  });

  test('keeps the place under the pointer when it zooms', () => {
    const before = { scale: 10, x: 5, y: 7 };
    const world = (30 - before.x) / before.scale;
    const after = zoomAt(before, { factor: 2, x: 30, y: 40 });
    expect(world * after.scale + after.x).toBe(30);
  });
});

describe('a point', () => {
  const viewport = { scale: 1, x: 0, y: 0 };
  const points = [point(0, 0), point(10, 0), point(20, 1), point(0, 30)];

  test('is found under the pointer, within reach', () => {
    expect(nearestPoint(points, viewport, { x: 9, y: 1, reach: 5 })).toBe(points[1]);
    expect(nearestPoint(points, viewport, { x: 15, y: 15, reach: 5 })).toBeUndefined();
  });

  test('follows another in the direction of an arrow key', () => {
    expect(pointTowards(points, points[0], { x: 1, y: 0 })).toBe(points[1]);
    expect(pointTowards(points, points[1], { x: 1, y: 0 })).toBe(points[2]);
    expect(pointTowards(points, points[0], { x: 0, y: 1 })).toBe(points[3]);
    expect(pointTowards(points, points[0], { x: -1, y: 0 })).toBeUndefined();
    expect(pointTowards(points, undefined, { x: 1, y: 0 })).toBe(points[0]);
  });
});

test('documents of a map come with the most points first', () => {
  const groups = groupByDocument([point(0, 0, 'a'), point(1, 0, 'b'), point(2, 0, 'b')]);
  expect(groups.map(({ docId, points }) => [docId, points.length])).toEqual([
    ['b', 2],
    ['a', 1],
  ]);
});
