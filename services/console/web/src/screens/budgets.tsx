// What may be spent, and what is bound of it.
import { Group, Progress, Stack, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { digitsOf, money } from '../format';
import type { Budget } from '../gen/hansa/procurement/v1/staff_pb';
import { useWords } from '../i18n';
import { procurement } from '../rpc-trade';
import { person } from '../session';
import { FormButton } from '../ui/act';
import { AmountFields, minorOf } from '../ui/amount';
import { DayFields } from '../ui/days';
import { Empty, Loaded } from '../ui/states';
import { type Column, List } from '../ui/table';

export function Budgets() {
  const { t, language } = useWords();
  const words = t.budget;
  const query = useQuery({ queryKey: ['document', 'budgets'], queryFn: () => procurement.listBudgets({}) });
  const minor = (one: Budget, value: bigint) => money(value, digitsOf(one.currency), one.currency, language);
  const columns: Column<Budget>[] = [
    { name: t.head.costCentre, show: (one) => one.accountingCost, text: (one) => one.accountingCost },
    {
      name: words.days,
      show: (one) => `${one.beginsOn} – ${one.endsOn}`,
      text: (one) => `${one.beginsOn} ${one.endsOn}`,
    },
    { name: words.amount, show: (one) => minor(one, one.amount), text: (one) => minor(one, one.amount), number: true },
    { name: words.bound, show: (one) => minor(one, one.bound), text: (one) => minor(one, one.bound), number: true },
    {
      name: words.share,
      show: (one) => {
        const share = one.amount > 0n ? Number((one.bound * 100n) / one.amount) : 100;
        return (
          <Progress
            w={140}
            size="lg"
            value={Math.min(share, 100)}
            color={share > 100 ? 'red' : share >= 90 ? 'orange' : 'teal'}
            aria-label={`${words.share}, ${one.accountingCost}: ${share} %`}
          />
        );
      },
    },
  ];
  return (
    <Stack>
      {person()?.may.includes('budget.write') && (
        <Group>
          <Put />
        </Group>
      )}
      <Loaded query={query}>
        {({ budgets }) =>
          budgets.length === 0 ? (
            <Empty>{words.none}</Empty>
          ) : (
            <List
              label={words.title}
              rows={budgets}
              columns={columns}
              id={(one) => `${one.accountingCost}/${one.beginsOn}`}
            />
          )
        }
      </Loaded>
    </Stack>
  );
}

function Put() {
  const { t } = useWords();
  const words = t.budget;
  const [form, setForm] = useState({ accountingCost: '', beginsOn: '', endsOn: '', currency: 'EUR', amount: '' });
  const set = (next: Partial<typeof form>) => setForm({ ...form, ...next });
  const amount = minorOf(form.amount, form.currency);
  return (
    <FormButton
      label={words.put}
      submit={t.common.save}
      ready={amount !== undefined && Object.values(form).every((text) => text.trim() !== '')}
      touched={['document']}
      work={() =>
        procurement.putBudget({ budget: { ...form, accountingCost: form.accountingCost.trim(), amount: amount ?? 0n } })
      }
      done={() => set({ accountingCost: '', amount: '' })}
    >
      <TextInput
        label={t.head.costCentre}
        description={words.rule}
        value={form.accountingCost}
        onChange={(event) => set({ accountingCost: event.currentTarget.value })}
        data-autofocus
      />
      <DayFields
        first={{ label: words.begins, value: form.beginsOn, change: (beginsOn) => set({ beginsOn }) }}
        last={{ label: words.ends, value: form.endsOn, change: (endsOn) => set({ endsOn }) }}
      />
      <AmountFields label={words.amount} amount={form.amount} currency={form.currency} change={set} />
    </FormButton>
  );
}
