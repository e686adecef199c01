// Who decides in whose place, and until when.
import { Card, Group, Text, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { moment } from '../format';
import type { Delegation } from '../gen/hansa/workflow/v1/staff_pb';
import { useWords } from '../i18n';
import { workflow } from '../rpc';
import { person } from '../session';
import { AskedButton, FormButton } from '../ui/act';
import { ColleagueChoice } from '../ui/colleagues';
import { beginOf, DayFields, endOf } from '../ui/days';
import { Loaded } from '../ui/states';
import { type Column, List } from '../ui/table';

export function Delegations() {
  const { t, language } = useWords();
  const query = useQuery({ queryKey: ['approval', 'delegations'], queryFn: () => workflow.listDelegations({}) });
  const columns: Column<Delegation>[] = [
    { name: t.delegation.from, show: (one) => one.fromStaffName },
    { name: t.delegation.to, show: (one) => one.toStaffName },
    { name: t.me.since, show: (one) => moment(one.beginsAt, language) },
    { name: t.staff.until, show: (one) => moment(one.endsAt, language) },
    { name: t.delegation.reason, show: (one) => one.reason },
    {
      name: t.stock.ways,
      show: (one) =>
        one.fromStaffId === person()?.staffId ? (
          <AskedButton
            size="xs"
            variant="default"
            label={t.delegation.end}
            warning={t.delegation.endText}
            touched={['approval']}
            work={() => workflow.endDelegation({ id: one.id })}
          />
        ) : (
          ''
        ),
    },
  ];
  return (
    <Card withBorder>
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h4">
          {t.delegation.title}
        </Title>
        {person()?.may.includes('approval.decide') && <Delegate />}
      </Group>
      <Loaded query={query}>
        {({ delegations }) =>
          delegations.length === 0 ? (
            <Text size="sm">{t.delegation.none}</Text>
          ) : (
            <List label={t.delegation.title} rows={delegations} columns={columns} id={(one) => one.id} />
          )
        }
      </Loaded>
    </Card>
  );
}

function Delegate() {
  const { t } = useWords();
  const [to, setTo] = useState('');
  const [from, setFrom] = useState('');
  const [until, setUntil] = useState('');
  const [reason, setReason] = useState('');
  return (
    <FormButton
      size="xs"
      label={t.delegation.add}
      submit={t.common.save}
      ready={to !== '' && until !== ''}
      touched={['approval']}
      work={() =>
        workflow.delegate({ toStaffId: to, beginsAt: beginOf(from), endsAt: endOf(until), reason: reason.trim() })
      }
      done={() => {
        setTo('');
        setReason('');
      }}
    >
      <ColleagueChoice label={t.delegation.to} value={to} change={setTo} others />
      <DayFields
        first={{ label: t.delegation.begins, value: from, change: setFrom }}
        last={{ label: t.delegation.ends, value: until, change: setUntil }}
      />
      <TextInput
        label={t.delegation.reason}
        value={reason}
        maxLength={200}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
    </FormButton>
  );
}
