// Points: what they are worth, and how long they stay.
import { Group, NumberInput, Stack, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { decimal, digitsOf, money, number } from '../format';
import type { Program } from '../gen/hansa/loyalty/v1/staff_pb';
import { useWords } from '../i18n';
import { loyalty } from '../rpc-people';
import { person } from '../session';
import { FormButton } from '../ui/act';
import { AmountFields, minorOf } from '../ui/amount';
import { PoolChoice } from '../ui/pool';
import { Empty, Loaded } from '../ui/states';
import { type Column, List } from '../ui/table';

export function Programs() {
  const { t, language } = useWords();
  const words = t.loyalty;
  const query = useQuery({ queryKey: ['program'], queryFn: () => loyalty.listPrograms({}) });
  const may = person()?.may.includes('loyalty.write') ?? false;
  const worth = (one: Program) => money(one.value, digitsOf(one.currency), one.currency, language);
  const stays = (one: Program) => (one.idleDays > 0 ? words.days(number(one.idleDays, language)) : words.forever);
  const columns: Column<Program>[] = [
    { name: t.pools.pool, show: (one) => one.pool, text: (one) => one.pool },
    { name: words.unit, show: (one) => one.unit, text: (one) => one.unit },
    { name: words.worth, show: worth, text: worth, number: true },
    { name: words.idle, show: stays, text: stays },
    { name: t.stock.ways, show: (one) => (may ? <PutProgram key={one.pool} program={one} /> : '') },
  ];
  return (
    <Stack>
      {may && (
        <Group justify="flex-end">
          <PutProgram />
        </Group>
      )}
      <Loaded query={query}>
        {({ programs }) =>
          programs.length === 0 ? (
            <Empty>{words.noPrograms}</Empty>
          ) : (
            <List label={words.points} rows={programs} columns={columns} id={(one) => one.pool} />
          )
        }
      </Loaded>
    </Stack>
  );
}

function PutProgram({ program }: { program?: Program }) {
  const { t } = useWords();
  const words = t.loyalty;
  const currency = program?.currency ?? 'EUR';
  const [form, setForm] = useState({
    pool: program?.pool ?? '',
    unit: program?.unit ?? '',
    amount: program ? decimal(program.value, digitsOf(currency)) : '',
    currency,
    idleDays: (program?.idleDays ?? 0) as number | string,
  });
  const set = (next: Partial<typeof form>) => setForm({ ...form, ...next });
  const value = minorOf(form.amount, form.currency);
  return (
    <FormButton
      size={program ? 'xs' : 'sm'}
      variant={program ? 'default' : 'filled'}
      label={program ? t.links.change : words.addProgram}
      title={words.points}
      submit={t.common.save}
      ready={value !== undefined && form.pool !== '' && form.unit.trim() !== ''}
      touched={['program']}
      work={() =>
        loyalty.putProgram({
          program: {
            pool: form.pool,
            unit: form.unit.trim(),
            value: value ?? 0n,
            currency: form.currency,
            idleDays: Number(form.idleDays) || 0,
          },
        })
      }
    >
      {!program && <PoolChoice value={form.pool} change={(pool) => set({ pool })} />}
      <TextInput
        label={words.unit}
        value={form.unit}
        maxLength={20}
        onChange={(event) => set({ unit: event.currentTarget.value })}
      />
      <AmountFields label={words.worth} amount={form.amount} currency={form.currency} change={set} />
      <NumberInput
        label={words.idle}
        description={words.idleRule}
        min={0}
        max={3_650}
        allowDecimal={false}
        value={form.idleDays}
        onChange={(idleDays) => set({ idleDays })}
      />
    </FormButton>
  );
}
