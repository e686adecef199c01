// What a scanned or typed code says of an article, without asking anybody.

/** Does the last digit follow from the others (GS1 General Specifications, 7.9). */
export function checks(digits: string): boolean {
  let sum = 0;
  for (let place = 0; place < digits.length - 1; place += 1) {
    const weight = (digits.length - place) % 2 === 0 ? 3 : 1;
    sum += Number(digits[place]) * weight;
  }
  return (10 - (sum % 10)) % 10 === Number(digits.at(-1));
}

/** What some readers send before the first element of a string. */
const SEPARATOR = '\u001d';

/** The GTIN in a bar code, a GS1 element string or a Digital Link, padded to 14 digits; absent = there is none. */
export function gtinOf(text: string): string | undefined {
  const plain = text.trim();
  const found =
    /^(\d{8}|\d{12,14})$/.exec(plain)?.[1] ??
    /^https?:\/\/\S+?\/01\/(\d{8}|\d{12,14})(?:[/?#]|$)/.exec(plain)?.[1] ??
    /\(01\)(\d{14})/.exec(plain)?.[1] ??
    /^(?:\](?:C1|d2|Q3))?01(\d{14})/.exec(plain.replace(SEPARATOR, ''))?.[1];
  return found && checks(found) ? found.padStart(14, '0') : undefined;
}
