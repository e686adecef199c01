// In which order the fields of a form stand.

/** What a form's schema says of that. */
export interface Fields {
  properties?: Record<string, unknown>;
  required?: string[];
}

/** After every field that its kind counts. */
const UNCOUNTED = 10_000;

/** Fields as their kind counts them; those that it does not count come after, what must be said first. */
export function inOrder({ properties = {}, required = [] }: Fields): string[] {
  const place = (name: string) => {
    const counted = (properties[name] as { 'x-hansa-order'?: number })['x-hansa-order'];
    return counted ?? (required.includes(name) ? UNCOUNTED : UNCOUNTED + 1);
  };
  return Object.keys(properties).sort((a, b) => place(a) - place(b));
}
