// By how much an invoice may differ from what was ordered and received, and still be approved by itself.
import { Group, NumberInput, Stack, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { decimal, number, parseDecimal } from '../format';
import type { MatchTolerance } from '../gen/hansa/procurement/v1/staff_pb';
import { useWords } from '../i18n';
import { procurement } from '../rpc-trade';
import { person } from '../session';
import { FormButton } from '../ui/act';
import { PartnerChoice, usePartners } from '../ui/partner';
import { Empty, Loaded } from '../ui/states';
import { type Column, List } from '../ui/table';

/** Hundredths of a per cent. */
const HUNDREDTHS = 100;

export function Tolerances() {
  const { t, language } = useWords();
  const words = t.tolerance;
  const partners = usePartners();
  const may = person()?.may.includes('budget.write') ?? false;
  const query = useQuery({ queryKey: ['document', 'tolerances'], queryFn: () => procurement.listMatchTolerances({}) });
  const whose = (one: MatchTolerance) => (one.linkId ? partners.name(one.linkId) : words.everybody);
  const share = (hundredths: number) => `${number(hundredths / HUNDREDTHS, language)} %`;
  const units = (one: MatchTolerance) =>
    one.quantity?.value ? number(decimal(one.quantity.value, one.quantity.scale), language) : '';
  const columns: Column<MatchTolerance>[] = [
    { name: words.whose, show: whose, text: whose },
    {
      name: words.quantityShare,
      show: (one) => share(one.quantityPercent),
      text: (one) => share(one.quantityPercent),
      number: true,
    },
    { name: words.quantityUnits, show: units, text: units, number: true },
    {
      name: words.priceShare,
      show: (one) => share(one.pricePercent),
      text: (one) => share(one.pricePercent),
      number: true,
    },
    {
      name: words.priceAmount,
      show: (one) => (one.priceAmount ? number(one.priceAmount, language) : ''),
      text: (one) => String(one.priceAmount),
      number: true,
    },
  ];
  return (
    <Stack>
      <Text size="sm">{words.about}</Text>
      {may && (
        <Group justify="flex-end">
          <Put />
        </Group>
      )}
      <Loaded query={query}>
        {({ tolerances }) =>
          tolerances.length === 0 ? (
            <Empty>{words.none}</Empty>
          ) : (
            <List label={words.title} rows={tolerances} columns={columns} id={(one) => one.linkId} />
          )
        }
      </Loaded>
    </Stack>
  );
}

function Put() {
  const { t } = useWords();
  const words = t.tolerance;
  const [linkId, setLinkId] = useState('');
  const [quantityShare, setQuantityShare] = useState<number | string>(0);
  const [priceShare, setPriceShare] = useState<number | string>(0);
  const [units, setUnits] = useState('');
  const [amount, setAmount] = useState<number | string>(0);
  const quantity = parseDecimal(units || '0');
  const hundredths = (share: number | string) => Math.round(Number(share) * HUNDREDTHS);
  const share = (label: string, value: number | string, change: (next: number | string) => void) => (
    <NumberInput label={label} min={0} max={100} decimalScale={2} suffix=" %" value={value} onChange={change} />
  );
  return (
    <FormButton
      label={words.put}
      submit={t.common.save}
      ready={quantity !== undefined}
      touched={['document']}
      work={() =>
        procurement.putMatchTolerance({
          tolerance: {
            linkId,
            quantityPercent: hundredths(quantityShare),
            quantity,
            pricePercent: hundredths(priceShare),
            priceAmount: BigInt(Number(amount) || 0),
          },
        })
      }
    >
      <PartnerChoice value={linkId} change={setLinkId} />
      <Text size="sm">{words.rule}</Text>
      {share(words.quantityShare, quantityShare, setQuantityShare)}
      <TextInput
        label={words.quantityUnits}
        inputMode="decimal"
        value={units}
        onChange={(event) => setUnits(event.currentTarget.value)}
      />
      {share(words.priceShare, priceShare, setPriceShare)}
      <NumberInput label={words.priceAmount} min={0} allowDecimal={false} value={amount} onChange={setAmount} />
    </FormButton>
  );
}
