// Invitations and messages to members: what went out, to how many, and when members are left alone.
import { Badge, Card, Group, NativeSelect, NumberInput, Stack, Text, Textarea, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { moment, number } from '../format';
import type { Courtesy, Run } from '../gen/hansa/outreach/v1/staff_pb';
import { useWords } from '../i18n';
import { members, outreach } from '../rpc-people';
import { person } from '../session';
import { AskedButton, FormButton } from '../ui/act';
import { uuid7 } from '../ui/lines';
import { usePartners } from '../ui/partner';
import { PoolChoice, usePools } from '../ui/pool';
import { Empty, Loaded } from '../ui/states';
import { type Column, List } from '../ui/table';

const SOON = 2_000;

export function Runs() {
  const { t, language } = useWords();
  const words = t.reach;
  const partners = usePartners();
  const may = person()?.may.includes('outreach.write') ?? false;
  const query = useQuery({
    queryKey: ['run'],
    queryFn: () => outreach.listRuns({}),
    refetchInterval: ({ state }) => (state.data?.runs.some((one) => one.state === 'running') ? SOON : false),
  });
  const kind = (one: Run) => words.kinds[one.kind as keyof typeof words.kinds] ?? one.kind;
  const state = (one: Run) => words.states[one.state as keyof typeof words.states] ?? one.state;
  const figure = (name: string, of: (one: Run) => bigint): Column<Run> => ({
    name,
    show: (one) => number(of(one), language),
    text: (one) => String(of(one)),
    number: true,
  });
  const columns: Column<Run>[] = [
    { name: words.subject, show: (one) => one.subject || one.purpose, text: (one) => one.subject || one.purpose },
    {
      name: words.kind,
      show: (one) => (one.linkId ? `${kind(one)}, ${partners.name(one.linkId)}` : kind(one)),
      text: kind,
    },
    { name: t.pools.pool, show: (one) => one.pool, text: (one) => one.pool },
    {
      name: t.links.state,
      show: (one) => <Badge color={one.state === 'running' ? 'blue' : 'gray'}>{state(one)}</Badge>,
      text: state,
    },
    figure(words.asked, (one) => one.asked),
    figure(words.waiting, (one) => one.waiting),
    figure(words.mailed, (one) => one.mailed),
    figure(words.failed, (one) => one.failed),
    figure(words.agreed, (one) => one.agreed),
    figure(words.declined, (one) => one.declined),
    figure(words.leftAlone, (one) => one.capped + one.optedOut + one.noAddress + one.notAgreed),
    { name: words.begun, show: (one) => moment(one.madeAt, language), text: (one) => moment(one.madeAt, 'en') },
    {
      name: t.stock.ways,
      show: (one) =>
        may && one.state === 'running' ? (
          <AskedButton
            size="xs"
            variant="default"
            label={words.stop}
            warning={words.stopText}
            touched={['run']}
            work={() => outreach.stopRun({ id: one.id })}
          />
        ) : (
          ''
        ),
    },
  ];
  return (
    <Stack>
      <Text size="sm">{words.runsAbout}</Text>
      {may && (
        <Group justify="flex-end">
          <Invite />
        </Group>
      )}
      <Loaded query={query}>
        {({ runs }) =>
          runs.length === 0 ? (
            <Empty>{words.noRuns}</Empty>
          ) : (
            <List label={words.runs} rows={runs} columns={columns} id={(one) => one.id} />
          )
        }
      </Loaded>
      <Alone />
    </Stack>
  );
}

function Invite() {
  const { t } = useWords();
  const words = t.reach;
  const partners = usePartners();
  const notices = useQuery({ queryKey: ['notice'], queryFn: () => members.listNotices({}) });
  const [form, setForm] = useState({ pool: '', noticeHash: '', subject: '', text: '' });
  const [remind, setRemind] = useState<number | string>(7);
  const [most, setMost] = useState<number | string>('');
  const [id, setId] = useState(uuid7);
  const set = (next: Partial<typeof form>) => setForm({ ...form, ...next });
  const notice = notices.data?.notices.find((one) => one.hash === form.noticeHash);
  return (
    <FormButton
      label={words.invite}
      submit={words.send}
      wide
      ready={Object.values(form).every((text) => text.trim() !== '')}
      touched={['run']}
      work={() =>
        outreach.startInvitations({
          ...form,
          id,
          remindAfterDays: Number(remind) || 0,
          membersMax: BigInt(Number(most) || 0),
        })
      }
      done={() => {
        setId(uuid7());
        set({ subject: '', text: '' });
      }}
    >
      <PoolChoice value={form.pool} change={(pool) => set({ pool })} />
      <NativeSelect
        label={words.notice}
        data={[
          { value: '', label: '' },
          ...(notices.data?.notices ?? []).map((one) => ({
            value: one.hash,
            label: `${t.pools.noticeFor(partners.name(one.linkId) || one.recipient, one.purpose)} (${one.language})`,
          })),
        ]}
        value={form.noticeHash}
        onChange={(event) => set({ noticeHash: event.currentTarget.value })}
      />
      <TextInput
        label={words.subject}
        value={form.subject}
        maxLength={150}
        onChange={(event) => set({ subject: event.currentTarget.value })}
      />
      <Textarea
        label={words.letter}
        description={words.letterRule}
        value={form.text}
        maxLength={4_000}
        minRows={4}
        autosize
        onChange={(event) => set({ text: event.currentTarget.value })}
      />
      {notice && (
        <Text size="sm" lang={notice.language} style={{ whiteSpace: 'pre-wrap' }}>
          {notice.text}
        </Text>
      )}
      <Group grow>
        <NumberInput
          label={words.remind}
          description={words.remindRule}
          min={0}
          max={90}
          allowDecimal={false}
          value={remind}
          onChange={setRemind}
        />
        <NumberInput
          label={words.most}
          description={words.mostRule}
          min={0}
          allowDecimal={false}
          value={most}
          onChange={setMost}
        />
      </Group>
    </FormButton>
  );
}

/** When members are left alone, and how much they get at most: said for each pool before anything goes out. */
function Alone() {
  const { t } = useWords();
  const words = t.reach;
  const { ours } = usePools();
  const [chosen, choose] = useState('');
  const pool = chosen || ours[0]?.code || '';
  const query = useQuery({
    queryKey: ['courtesy', pool],
    queryFn: () => outreach.getCourtesy({ pool }),
    enabled: pool !== '',
  });
  if (pool === '') return null;
  return (
    <Card withBorder>
      <Stack gap="xs">
        <Group justify="space-between">
          <Title order={2} size="h4">
            {words.alone}
          </Title>
          {query.isSuccess && person()?.may.includes('outreach.write') && (
            <PutCourtesy key={pool} pool={pool} now={query.data.courtesy} />
          )}
        </Group>
        {ours.length > 1 && <PoolChoice value={pool} change={choose} />}
        <Loaded query={query}>
          {({ courtesy }) =>
            courtesy ? (
              <Text size="sm">
                {courtesy.quietFrom === courtesy.quietUntil
                  ? words.noQuiet
                  : words.quiet(courtesy.quietFrom, courtesy.quietUntil, courtesy.zone)}{' '}
                {words.atMost(courtesy.messagesMax, courtesy.withinDays)}
              </Text>
            ) : (
              <Text size="sm">{words.notSaid}</Text>
            )
          }
        </Loaded>
      </Stack>
    </Card>
  );
}

function PutCourtesy({ pool, now }: { pool: string; now?: Courtesy }) {
  const { t } = useWords();
  const words = t.reach;
  const [form, setForm] = useState({
    zone: now?.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    quietFrom: now?.quietFrom ?? '20:00',
    quietUntil: now?.quietUntil ?? '08:00',
  });
  const [most, setMost] = useState<number | string>(now?.messagesMax ?? 4);
  const [days, setDays] = useState<number | string>(now?.withinDays ?? 30);
  const text = (name: keyof typeof form, label: string, type?: string) => (
    <TextInput
      label={label}
      type={type}
      value={form[name]}
      onChange={(event) => setForm({ ...form, [name]: event.currentTarget.value })}
    />
  );
  return (
    <FormButton
      size="xs"
      variant="default"
      label={t.links.change}
      title={words.alone}
      submit={t.common.save}
      ready={Object.values(form).every(Boolean)}
      touched={['courtesy']}
      work={() =>
        outreach.putCourtesy({
          courtesy: { ...form, pool, messagesMax: Number(most) || 0, withinDays: Number(days) || 0 },
        })
      }
    >
      <Group grow>
        {text('quietFrom', words.quietFrom, 'time')}
        {text('quietUntil', words.quietUntil, 'time')}
      </Group>
      {text('zone', words.zone)}
      <Group grow>
        <NumberInput label={words.messages} min={1} max={100} allowDecimal={false} value={most} onChange={setMost} />
        <NumberInput label={words.inDays} min={1} max={365} allowDecimal={false} value={days} onChange={setDays} />
      </Group>
    </FormButton>
  );
}
