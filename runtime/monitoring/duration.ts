/**
 * Formats a duration as one rounded unit: "90 s", "25 min", "3 h". A negative duration, from differing clocks, is "0 s".
 * @param seconds not necessarily whole
 */
export function formatDuration(seconds: number): string {
  const rounded = Math.max(0, Math.round(seconds));
  if (rounded < 120) return `${rounded} s`;
  return rounded < 7_200 ? `${Math.round(rounded / 60)} min` : `${Math.round(rounded / 3_600)} h`;
}
