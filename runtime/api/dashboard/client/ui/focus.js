/**
 * Remembers the focused element, whose button is disabled while an action runs.
 * @returns {() => void} focuses it again once it is drawn as enabled, unless the focus is elsewhere
 */
export function rememberFocus() {
  const element = document.activeElement;
  return () =>
    requestAnimationFrame(() => {
      if (element instanceof HTMLElement && element.isConnected && document.activeElement === document.body)
        element.focus({ preventScroll: true });
    });
}
