import type { Page } from 'playwright-core';

/**
 * What does not fit on the page as it is, in sentences: a page that scrolls sideways, text that leaves its box, text
 * that lies on other text.
 */
export async function layoutFaults(page: Page): Promise<string[]> {
  return (await page.evaluate(`(${findFaults})()`)) as string[];
}

/** Runs in the page. */
const findFaults = `() => {
  const TOLERANCE = 2;
  const faults = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) faults.push('the page scrolls sideways by ' + (root.scrollWidth - root.clientWidth));
  const say = (node) => '"' + node.textContent.trim().slice(0, 60) + '"';
  const shown = (element) => element.checkVisibility() && getComputedStyle(element).clipPath === 'none';
  const texts = [];
  const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    const element = node.parentElement;
    if (node.textContent.trim() === '' || !shown(element) || element.closest('.visually-hidden, option, .uplot')) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    // Boxes that clip or scroll hold what is in them.
    let clip = { left: 0, right: root.clientWidth, top: -Infinity, bottom: Infinity };
    for (let box = element; box && box !== document.body; box = box.parentElement) {
      const { overflowX, overflowY } = getComputedStyle(box);
      if (overflowX === 'visible' && overflowY === 'visible') continue;
      const edge = box.getBoundingClientRect();
      clip = { left: Math.max(clip.left, edge.left), right: Math.min(clip.right, edge.right),
        top: Math.max(clip.top, edge.top), bottom: Math.min(clip.bottom, edge.bottom), isBox: true };
    }
    const cell = element.closest('td, th, dd, dt, li, .panel, .stage, .effects > div, button, .button, .trouble, .mark');
    const home = cell?.getBoundingClientRect();
    for (const rect of range.getClientRects()) {
      if (rect.width < 1 || rect.bottom <= clip.top || rect.top >= clip.bottom) continue;
      if (rect.left >= clip.right || rect.right <= clip.left) continue;
      if (!clip.isBox && rect.right > root.clientWidth + TOLERANCE) faults.push(say(node) + ' leaves the page');
      if (home && (Math.min(rect.right, clip.right) > home.right + TOLERANCE || rect.left < home.left - TOLERANCE))
        faults.push(say(node) + ' leaves its ' + cell.tagName + '.' + cell.className);
      texts.push({ node, left: rect.left, right: Math.min(rect.right, clip.right), top: rect.top, bottom: Math.min(rect.bottom, clip.bottom) });
    }
  }
  // The short form of a version is drawn by the style sheet: its box stands for it.
  for (const node of document.querySelectorAll('.version')) {
    if (!shown(node)) continue;
    const home = node.parentElement.closest('td, th, dd, li, .panel')?.getBoundingClientRect();
    const rect = node.getBoundingClientRect();
    if (rect.width === 0) continue;
    if (home && rect.right > home.right + TOLERANCE) faults.push(say(node) + ' leaves its box');
    texts.push({ node, left: rect.left, right: rect.right, top: rect.top, bottom: rect.bottom });
  }
  texts.sort((a, b) => a.top - b.top);
  for (const [index, a] of texts.entries()) {
    for (let next = index + 1; next < texts.length && texts[next].top < a.bottom - TOLERANCE; next++) {
      const b = texts[next];
      if (a.node === b.node || a.node.contains(b.node) || b.node.contains(a.node)) continue;
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      // Lines of text may touch; half a line is too much.
      if (across > TOLERANCE && down > (a.bottom - a.top) / 2) faults.push(say(a.node) + ' lies on ' + say(b.node));
    }
  }
  return [...new Set(faults)].slice(0, 12);
}`;
