// Figures, dates and money, as people of a language write them.
import { type Duration, type Timestamp, timestampDate } from '@bufbuild/protobuf/wkt';
import type { Quantity } from './gen/hansa/types/v1/types_pb';
import type { Language } from './i18n';

const locale = (language: Language) => (language === 'zh' ? 'zh-CN' : 'en-GB');

export function decimal(value: bigint, scale: number): string {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const part = scale === 0 ? '' : `.${digits.slice(-scale)}`;
  return `${value < 0n ? '-' : ''}${whole}${part}`;
}

/** What somebody typed, exactly: never through a floating-point number. */
export function parseDecimal(text: string): { value: bigint; scale: number } | undefined {
  const match = /^(\d{1,12})(?:[.,](\d{0,6}))?$/.exec(text.trim());
  if (!match) return undefined;
  const part = (match[2] ?? '').replace(/0+$/, '');
  return { value: BigInt(`${match[1]}${part}`), scale: part.length };
}

export function number(value: number | bigint | string, language: Language): string {
  // A decimal string keeps its digits.
  return new Intl.NumberFormat(locale(language), { maximumFractionDigits: 6 }).format(value as unknown as number);
}

export function quantity(given: Quantity | undefined, language: Language): string {
  if (!given) return '';
  const text = number(decimal(given.value, given.scale), language);
  return given.unit && given.unit !== 'C62' ? `${text} ${given.unit}` : text;
}

export function money(value: bigint, scale: number, currency: string, language: Language): string {
  const amount = decimal(value, scale) as unknown as number;
  if (!/^[A-Z]{3}$/.test(currency)) return number(amount, language);
  const style = { style: 'currency', currency, maximumFractionDigits: 6 } as const;
  return new Intl.NumberFormat(locale(language), style).format(amount);
}

/** Decimal places of a currency's minor unit (ISO 4217). */
export function digitsOf(currency: string): number {
  if (!/^[A-Z]{3}$/.test(currency)) return 2;
  return new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

export function moment(at: Timestamp | undefined, language: Language): string {
  if (!at) return '';
  return new Intl.DateTimeFormat(locale(language), { dateStyle: 'medium', timeStyle: 'short' }).format(
    timestampDate(at),
  );
}

/** How long ago, or how long until. */
export function distance(at: Timestamp | undefined, now: number, language: Language): string {
  if (!at) return '';
  const seconds = Math.round((timestampDate(at).getTime() - now) / 1000);
  const format = new Intl.RelativeTimeFormat(locale(language), { numeric: 'auto' });
  const size = Math.abs(seconds);
  if (size < 60) return format.format(seconds, 'second');
  if (size < 3_600) return format.format(Math.round(seconds / 60), 'minute');
  if (size < 86_400) return format.format(Math.round(seconds / 3_600), 'hour');
  return format.format(Math.round(seconds / 86_400), 'day');
}

/** A span of time in its largest unit, such as "3.5 hr". */
export function span(seconds: number, language: Language): string {
  const [size, unit] = (
    [
      [86_400, 'day'],
      [3_600, 'hour'],
      [60, 'minute'],
      [1, 'second'],
    ] as const
  ).find(([size]) => seconds >= size) ?? [0.001, 'millisecond'];
  return new Intl.NumberFormat(locale(language), {
    style: 'unit',
    unit,
    unitDisplay: 'short',
    maximumFractionDigits: 1,
  }).format(seconds / size);
}

export const secondsOf = (given: Duration | undefined) =>
  given ? Number(given.seconds) + given.nanos / 1_000_000_000 : 0;
