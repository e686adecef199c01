// An amount as people type it, exactly, in a currency's smallest unit.
import { Group, TextInput } from '@mantine/core';
import { digitsOf, parseDecimal } from '../format';
import { useWords } from '../i18n';

/** In minor units; what has more places than the currency is no amount. */
export function minorOf(text: string, currency: string): bigint | undefined {
  const read = parseDecimal(text);
  const places = digitsOf(currency);
  return read && read.scale <= places ? read.value * 10n ** BigInt(places - read.scale) : undefined;
}

interface Props {
  label: string;
  description?: string;
  amount: string;
  currency: string;
  change: (next: { amount?: string; currency?: string }) => void;
}

export function AmountFields({ label, description, amount, currency, change }: Props) {
  const { t } = useWords();
  return (
    <Group grow align="flex-end">
      <TextInput
        label={label}
        description={description}
        inputMode="decimal"
        value={amount}
        onChange={(event) => change({ amount: event.currentTarget.value })}
      />
      <TextInput
        label={t.head.currency}
        maxLength={3}
        value={currency}
        onChange={(event) => change({ currency: event.currentTarget.value.toUpperCase() })}
      />
    </Group>
  );
}
