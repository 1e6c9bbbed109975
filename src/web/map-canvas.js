import { documentColour } from './document-colour.js';
import { element } from './element.js';
import { fitAll, groupByDocument, NOTHING, nearestPoint, pointTowards, zoomAt } from './map-scene.js';
import { onThemeChange } from './theme.js';

/** @import { CollectionMap, MapPoint } from './types.d.ts' */

const MARGIN = 24;
const REACH = 14;
const ZOOM_STEP = 1.25;
const KEY_DIRECTIONS = {
  ArrowRight: { x: 1, y: 0 },
  ArrowLeft: { x: -1, y: 0 },
  ArrowDown: { x: 0, y: 1 },
  ArrowUp: { x: 0, y: -1 },
};

/**
 * Points on a canvas: dragged, zoomed with the wheel or + and -, walked through with arrow keys.
 *
 * @param {{ onSelect: (point: MapPoint) => void, onOpen: (point: MapPoint) => void, describedBy: string }} parts
 */
export function createMapCanvas({ onSelect, onOpen, describedBy }) {
  const canvas = element('canvas', {
    tabindex: 0,
    role: 'application',
    'aria-label': 'Map of the collection',
    'aria-describedby': describedBy,
    keydown: onKey,
    pointerdown: onDown,
    pointermove: onMove,
    pointerup: onUp,
    wheel: onWheel,
    dblclick: () => selected && onOpen(selected),
  });
  const tip = element('div', { class: 'map-tip', hidden: true, 'aria-hidden': 'true' });
  const frame = element('div', { class: 'map-frame' }, canvas, tip);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));

  /** @type {CollectionMap} */
  let map = NOTHING;
  /** @type {ReturnType<typeof groupByDocument>} */
  let documents = [];
  let viewport = { scale: 1, x: 0, y: 0 };
  /** @type {MapPoint | undefined} */
  let selected;
  let lit = '';
  let isPlanned = false;
  /** @type {{ x: number, y: number, hasMoved: boolean } | undefined} */
  let drag;

  new ResizeObserver(() => {
    const ratio = devicePixelRatio;
    canvas.width = Math.round(canvas.clientWidth * ratio);
    canvas.height = Math.round(canvas.clientHeight * ratio);
    showAll();
  }).observe(canvas);
  onThemeChange(plan);

  function plan() {
    if (isPlanned) return;
    isPlanned = true;
    requestAnimationFrame(draw);
  }

  function showAll() {
    const { clientWidth: width, clientHeight: height } = canvas;
    viewport = fitAll(map.query ? [...map.points, map.query] : map.points, { width, height, margin: MARGIN });
    plan();
  }

  function draw() {
    isPlanned = false;
    const ratio = devicePixelRatio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    const radius = map.points.length > 4_000 ? 2.2 : 3.2;
    for (const [at, { docId, points }] of documents.entries()) {
      context.globalAlpha = lit === '' || lit === docId ? 0.85 : 0.12;
      context.fillStyle = documentColour(at);
      context.beginPath();
      for (const point of points) addDot(point, radius);
      context.fill();
    }
    context.globalAlpha = 1;
    const { color } = getComputedStyle(canvas);
    context.strokeStyle = color;
    context.lineWidth = 2;
    for (const hit of map.hits ?? []) ring(hit, 7);
    if (selected) {
      context.lineWidth = 3;
      ring(selected, 10);
    }
    if (map.query) drawQuery(map.query, color);
  }

  /**
   * @param {{ x: number, y: number }} point
   * @param {number} radius
   */
  function addDot({ x, y }, radius) {
    const [left, top] = [x * viewport.scale + viewport.x, y * viewport.scale + viewport.y];
    if (left < -9 || top < -9 || left > canvas.clientWidth + 9 || top > canvas.clientHeight + 9) return;
    context.moveTo(left + radius, top);
    context.arc(left, top, radius, 0, 7);
  }

  /**
   * @param {{ x: number, y: number }} point
   * @param {number} radius
   */
  function ring(point, radius) {
    context.beginPath();
    addDot(point, radius);
    context.stroke();
  }

  /**
   * @param {{ x: number, y: number }} query
   * @param {string} color
   */
  function drawQuery({ x, y }, color) {
    const [left, top] = [x * viewport.scale + viewport.x, y * viewport.scale + viewport.y];
    context.fillStyle = color;
    context.beginPath();
    for (let tip = 0; tip < 8; tip += 1) {
      const reach = tip % 2 === 0 ? 11 : 4;
      const angle = (tip * Math.PI) / 4;
      context.lineTo(left + Math.cos(angle) * reach, top + Math.sin(angle) * reach);
    }
    context.fill();
  }

  /** @param {MapPoint | undefined} point */
  function select(point) {
    if (!point) return;
    selected = point;
    keepInSight(point);
    plan();
    onSelect(point);
  }

  /** @param {{ x: number, y: number }} point */
  function keepInSight({ x, y }) {
    const [left, top] = [x * viewport.scale + viewport.x, y * viewport.scale + viewport.y];
    const { clientWidth: width, clientHeight: height } = canvas;
    if (left < MARGIN || left > width - MARGIN) viewport = { ...viewport, x: viewport.x + width / 2 - left };
    if (top < MARGIN || top > height - MARGIN) viewport = { ...viewport, y: viewport.y + height / 2 - top };
  }

  /** @param {number} factor */
  function zoomCentre(factor) {
    viewport = zoomAt(viewport, { factor, x: canvas.clientWidth / 2, y: canvas.clientHeight / 2 });
    plan();
  }

  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const { key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (key in KEY_DIRECTIONS) {
      const direction = KEY_DIRECTIONS[/** @type {keyof typeof KEY_DIRECTIONS} */ (key)];
      select(pointTowards(map.points, selected, direction));
    } else if (key === '+' || key === '=') zoomCentre(ZOOM_STEP);
    else if (key === '-') zoomCentre(1 / ZOOM_STEP);
    else if (key === '0') showAll();
    else if (key === 'Enter' && selected) onOpen(selected);
    else return;
    event.preventDefault();
  }

  /** @param {PointerEvent} event */
  function onDown({ offsetX, offsetY, pointerId }) {
    canvas.setPointerCapture(pointerId);
    drag = { x: offsetX, y: offsetY, hasMoved: false };
  }

  /** @param {PointerEvent} event */
  function onMove({ offsetX, offsetY }) {
    if (!drag) return showTip(offsetX, offsetY);
    const [dx, dy] = [offsetX - drag.x, offsetY - drag.y];
    if (!drag.hasMoved && Math.hypot(dx, dy) < 4) return;
    tip.hidden = true;
    viewport = { ...viewport, x: viewport.x + dx, y: viewport.y + dy };
    drag = { x: offsetX, y: offsetY, hasMoved: true };
    plan();
  }

  /** @param {PointerEvent} event */
  function onUp({ offsetX: x, offsetY: y }) {
    if (drag && !drag.hasMoved) select(nearestPoint(map.points, viewport, { x, y, reach: REACH }));
    drag = undefined;
  }

  /** @param {WheelEvent} event */
  function onWheel(event) {
    event.preventDefault();
    const factor = Math.exp(-event.deltaY / 400);
    viewport = zoomAt(viewport, { factor, x: event.offsetX, y: event.offsetY });
    tip.hidden = true;
    plan();
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  function showTip(x, y) {
    const point = nearestPoint(map.points, viewport, { x, y, reach: REACH });
    tip.hidden = !point;
    if (!point) return;
    tip.textContent = point.title;
    const isRight = x > canvas.clientWidth / 2;
    tip.style.transform = `translate(${x}px, ${y}px) translate(${isRight ? 'calc(-100% - 12px)' : '12px'}, 8px)`;
  }
  canvas.addEventListener('pointerleave', () => {
    tip.hidden = true;
  });

  return {
    element: frame,
    canvas,
    select,
    /** @param {CollectionMap} next */
    show(next) {
      map = next;
      documents = groupByDocument(map.points);
      selected = undefined;
      lit = '';
      showAll();
      return documents;
    },
    /** Dims all documents but one; none with ''. @param {string} docId */
    light(docId) {
      lit = docId;
      plan();
    },
  };
}
