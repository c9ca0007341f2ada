/**
 * Remembers the focused element. A button loses the focus when it is disabled while its action runs.
 * @returns {() => void} restores the focus after the next rendering, unless the focus has moved elsewhere
 */
export function rememberFocus() {
  const element = document.activeElement;
  return () =>
    requestAnimationFrame(() => {
      if (element instanceof HTMLElement && element.isConnected && document.activeElement === document.body)
        element.focus({ preventScroll: true });
    });
}
