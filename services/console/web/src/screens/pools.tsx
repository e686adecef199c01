// Pools of members: ours and what partners have released to us, texts that members agree to, matches, and what partners still hold.
import { Badge, Button, Card, Group, NativeSelect, Stack, Switch, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import { moment, number } from '../format';
import { FieldType, type Notice, type Pool, type Withdrawal } from '../gen/hansa/members/v1/staff_pb';
import { useWords } from '../i18n';
import { members } from '../rpc-people';
import { person } from '../session';
import { FormButton } from '../ui/act';
import { AddressTabs } from '../ui/address-tabs';
import { PartnerChoice, usePartners } from '../ui/partner';
import { FieldChoice, PoolChoice, usePools } from '../ui/pool';
import { Empty, Loaded, Page } from '../ui/states';
import { type Column, List } from '../ui/table';
import { Matches } from './matches';
import { Runs } from './runs';
import { Ways } from './ways';

export default function Pools() {
  const { t } = useWords();
  const tabs = [
    { value: 'pools', name: t.pools.pools, show: () => <All /> },
    { value: 'matches', name: t.pools.matches, show: () => <Matches /> },
    { value: 'notices', name: t.pools.notices, show: () => <Notices /> },
    { value: 'withdrawals', name: t.pools.withdrawals, show: () => <Withdrawals /> },
    ...(person()?.may.includes('outreach.read')
      ? [
          { value: 'ways', name: t.reach.ways, show: () => <Ways /> },
          { value: 'runs', name: t.reach.runs, show: () => <Runs /> },
        ]
      : []),
  ];
  return (
    <Page title={t.nav.pools}>
      <AddressTabs path="/pools" tabs={tabs} />
    </Page>
  );
}

function All() {
  const { t, language } = useWords();
  const partners = usePartners();
  const query = useQuery({ queryKey: ['pool'], queryFn: () => members.listPools({}) });
  const columns: Column<Pool>[] = [
    { name: t.pools.name, show: (one) => one.name || one.code, text: (one) => one.name },
    { name: t.pools.code, show: (one) => <span className="code">{one.code}</span>, text: (one) => one.code },
    {
      name: t.pools.members,
      show: (one) => number(one.members, language),
      text: (one) => String(one.members),
      number: true,
    },
    {
      name: t.pools.fields,
      show: (one) => one.fields.map(({ name }) => name).join(', '),
      text: (one) => one.fields.map(({ name }) => name).join('; '),
    },
    {
      name: t.pools.from,
      show: (one) => (one.linkId ? partners.name(one.linkId) : t.pools.ours),
      text: (one) => (one.linkId ? partners.name(one.linkId) : t.pools.ours),
    },
  ];
  return (
    <Stack>
      {person()?.may.includes('pool.write') && (
        <Group justify="flex-end">
          <PutPool />
        </Group>
      )}
      <Loaded query={query}>
        {(answer) =>
          answer.pools.length === 0 ? (
            <Empty>{t.pools.none}</Empty>
          ) : (
            <List
              label={t.pools.pools}
              rows={answer.pools}
              columns={columns}
              id={(one) => one.code}
              to={(one) => `/pools/${one.code}`}
            />
          )
        }
      </Loaded>
    </Stack>
  );
}

interface FieldDraft {
  name: string;
  type: FieldType;
  choices: string;
}

/** A new pool, or another name and other fields for one that is there. */
export function PutPool({ pool }: { pool?: Pool }) {
  const { t } = useWords();
  const [code, setCode] = useState(pool?.code ?? '');
  const [name, setName] = useState(pool?.name ?? '');
  const [fields, setFields] = useState<FieldDraft[]>(
    pool?.fields.map((one) => ({ ...one, choices: one.choices.join(', ') })) ?? [],
  );
  const types = [FieldType.TEXT, FieldType.DATE, FieldType.NUMBER, FieldType.CHOICE].map((type) => ({
    value: String(type),
    label: t.pools.types[FieldType[type] as keyof typeof t.pools.types],
  }));
  const change = (place: number, part: Partial<FieldDraft>) =>
    setFields(fields.map((one, at) => (at === place ? { ...one, ...part } : one)));
  const choices = (one: FieldDraft) =>
    one.type === FieldType.CHOICE
      ? one.choices
          .split(/[,，]/)
          .map((text) => text.trim())
          .filter(Boolean)
      : [];
  return (
    <FormButton
      label={pool ? t.links.change : t.pools.add}
      submit={t.common.save}
      size={pool ? 'xs' : 'sm'}
      variant={pool ? 'default' : 'filled'}
      ready={code.trim() !== ''}
      touched={['pool']}
      work={() =>
        members.putPool({
          pool: {
            code: code.trim(),
            name: name.trim(),
            fields: fields.map((one) => ({ name: one.name.trim(), type: one.type, choices: choices(one) })),
          },
        })
      }
      wide
    >
      <TextInput
        label={t.pools.code}
        description={t.pools.codeRule}
        value={code}
        maxLength={40}
        readOnly={pool !== undefined}
        onChange={(event) => setCode(event.currentTarget.value)}
      />
      <TextInput
        label={t.pools.name}
        value={name}
        maxLength={120}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Text size="sm">{t.pools.fieldsRule}</Text>
      {fields.map((one, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a draft has no name of its own before it is typed
        <Group key={place} align="flex-end" gap="xs">
          <TextInput
            label={t.pools.field}
            value={one.name}
            maxLength={40}
            onChange={(event) => change(place, { name: event.currentTarget.value })}
            w={140}
          />
          <NativeSelect
            label={t.pools.type}
            data={types}
            value={String(one.type)}
            onChange={(event) => change(place, { type: Number(event.currentTarget.value) })}
          />
          {one.type === FieldType.CHOICE && (
            <TextInput
              label={t.pools.choices}
              value={one.choices}
              onChange={(event) => change(place, { choices: event.currentTarget.value })}
              w={180}
            />
          )}
          <Button variant="subtle" onClick={() => setFields(fields.filter((_, at) => at !== place))}>
            {t.common.remove}
          </Button>
        </Group>
      ))}
      <Group>
        <Button
          variant="default"
          size="xs"
          disabled={fields.length >= 30}
          onClick={() => setFields([...fields, { name: '', type: FieldType.TEXT, choices: '' }])}
        >
          {t.pools.addField}
        </Button>
      </Group>
    </FormButton>
  );
}

function Notices() {
  const { t, language } = useWords();
  const partners = usePartners();
  const query = useQuery({ queryKey: ['notice'], queryFn: () => members.listNotices({}) });
  return (
    <Stack>
      <Text size="sm">{t.pools.noticesAbout}</Text>
      {person()?.may.includes('pool.write') && (
        <Group justify="flex-end">
          <PutNotice />
        </Group>
      )}
      <Loaded query={query}>
        {(answer) =>
          answer.notices.length === 0 ? (
            <Empty>{t.pools.noNotices}</Empty>
          ) : (
            <Stack>
              {answer.notices.map((one: Notice) => (
                <Card withBorder key={one.hash}>
                  <Group justify="space-between" gap="xs">
                    <Text fw={600}>{t.pools.noticeFor(partners.name(one.linkId) || one.recipient, one.purpose)}</Text>
                    <Text size="sm" c="dimmed">
                      {moment(one.createdAt, language)}
                    </Text>
                  </Group>
                  <Text size="sm">
                    {one.fields.length > 0 ? t.pools.gets(one.fields.join(', ')) : t.pools.getsNothing}
                  </Text>
                  <Text size="sm" lang={one.language} style={{ whiteSpace: 'pre-wrap' }} mt="xs">
                    {one.text}
                  </Text>
                </Card>
              ))}
            </Stack>
          )
        }
      </Loaded>
    </Stack>
  );
}

function PutNotice() {
  const { t, language } = useWords();
  const { ours } = usePools();
  const [linkId, setLinkId] = useState('');
  const [pool, setPool] = useState('');
  const [purpose, setPurpose] = useState('');
  const [fields, setFields] = useState<string[]>([]);
  const [spoken, setSpoken] = useState(language === 'zh' ? 'zh-CN' : 'en');
  const [text, setText] = useState('');
  return (
    <FormButton
      label={t.pools.addNotice}
      submit={t.common.save}
      ready={linkId !== '' && purpose.trim() !== '' && text.trim() !== ''}
      touched={['notice']}
      work={() => members.putNotice({ notice: { linkId, purpose: purpose.trim(), fields, language: spoken, text } })}
      done={() => setText('')}
      wide
    >
      <PartnerChoice value={linkId} change={setLinkId} />
      <TextInput
        label={t.pools.purpose}
        description={t.pools.purposeRule}
        value={purpose}
        maxLength={40}
        onChange={(event) => setPurpose(event.currentTarget.value)}
      />
      <PoolChoice value={pool} change={setPool} />
      <FieldChoice pool={ours.find(({ code }) => code === pool)} value={fields} change={setFields} />
      <NativeSelect
        label={t.pools.language}
        data={['en', 'zh-CN', 'de']}
        value={spoken}
        onChange={(event) => setSpoken(event.currentTarget.value)}
      />
      <TextInput
        component="textarea"
        label={t.pools.text}
        description={t.pools.textRule}
        value={text}
        maxLength={4_000}
        styles={{ input: { minHeight: 120 } }}
        onChange={(event) => setText(event.currentTarget.value)}
      />
    </FormButton>
  );
}

function Withdrawals() {
  const { t, language } = useWords();
  const [, go] = useLocation();
  const search = new URLSearchParams(useSearch());
  const openOnly = search.get('all') === null;
  const partners = usePartners();
  const query = useQuery({
    queryKey: ['withdrawal', openOnly],
    queryFn: () => members.listWithdrawals({ openOnly }),
    refetchInterval: 5_000,
  });
  const reasons = (one: Withdrawal) => t.pools.reasons[one.reason as keyof typeof t.pools.reasons] ?? one.reason;
  const columns: Column<Withdrawal>[] = [
    { name: t.links.partner, show: (one) => partners.name(one.linkId), text: (one) => partners.name(one.linkId) },
    { name: t.pools.pool, show: (one) => one.pool, text: (one) => one.pool },
    { name: t.pools.number, show: (one) => String(one.number), text: (one) => String(one.number), number: true },
    { name: t.pools.purpose, show: (one) => one.purpose, text: (one) => one.purpose },
    { name: t.pools.why, show: reasons, text: reasons },
    { name: t.pools.ended, show: (one) => moment(one.endedAt, language), text: (one) => moment(one.endedAt, 'en') },
    { name: t.pools.due, show: (one) => moment(one.dueAt, language), text: (one) => moment(one.dueAt, 'en') },
    {
      name: t.links.state,
      show: (one) =>
        one.acknowledgedAt ? (
          <Badge color="teal">{t.pools.acknowledged}</Badge>
        ) : one.late ? (
          <Badge color="red">{t.pools.late}</Badge>
        ) : (
          <Badge color="yellow">{t.pools.waits}</Badge>
        ),
      text: (one) => (one.acknowledgedAt ? moment(one.acknowledgedAt, 'en') : t.pools.waits),
    },
  ];
  return (
    <Stack>
      <Text size="sm">{t.pools.withdrawalsAbout}</Text>
      <Switch
        label={t.pools.openOnly}
        checked={openOnly}
        onChange={(event) => go(`/pools?tab=withdrawals${event.currentTarget.checked ? '' : '&all'}`)}
      />
      <Loaded query={query}>
        {(answer) =>
          answer.withdrawals.length === 0 ? (
            <Empty>{t.pools.noWithdrawals}</Empty>
          ) : (
            <List
              label={t.pools.withdrawals}
              rows={answer.withdrawals}
              columns={columns}
              id={(one) => `${one.linkId}/${one.pool}/${one.number}/${one.purpose}/${one.endedAt?.seconds}`}
            />
          )
        }
      </Loaded>
    </Stack>
  );
}
