/**
 * Returns true if JSON.parse rounds a number to another value that is an integer or Infinity: 1500.00000000000000001
 * becomes 1500, 12345678901234567890 another integer, 1e-400 zero, 1e400 Infinity.
 *
 * @param text - A number in JSON notation.
 */
export function isRoundedToInteger(text: string): boolean {
  // A double preserves any 15 significant digits. Most numbers of batches return here.
  if (text.length <= 15 && Math.abs(exponentOf(text)) <= EXACT_EXPONENT) return false;
  const value = Number(text);
  if (!Number.isFinite(value)) return true;
  return Number.isInteger(value) && plainDigits(text) !== plainDigits(String(value));
}

/** Absolute exponent up to which numbers of 15 digits are certainly within the range of a double. */
const EXACT_EXPONENT = 280;

function exponentOf(text: string): number {
  const at = Math.max(text.indexOf("e"), text.indexOf("E"));
  return at < 0 ? 0 : Number(text.slice(at + 1));
}

/** Formats a number as digits and an exponent, without zeros at either end: equal numbers have equal texts. */
function plainDigits(text: string): string {
  const [, sign = "", integerPart = "", fraction = "", exponent = "0"] =
    /^(-?)([0-9]+)(?:[.]([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(text) ?? [];
  const digits = integerPart + fraction;
  let start = 0;
  let end = digits.length;
  while (start < end && digits[start] === "0") start++;
  while (end > start && digits[end - 1] === "0") end--;
  if (start === end) return "0";
  return `${sign}${digits.slice(start, end)}e${Number(exponent) - fraction.length + digits.length - end}`;
}
