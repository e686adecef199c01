// Systems of ours: who is told what happens, how papers name partners, and what was mailed.
import { Badge, Button, Checkbox, Group, Stack, Text, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import { moment } from '../format';
import type { Delivery, Mail, Webhook } from '../gen/hansa/egress/v1/staff_pb';
import type { PaperParty } from '../gen/hansa/procurement/v1/staff_pb';
import { useWords } from '../i18n';
import { egress } from '../rpc';
import { procurement } from '../rpc-trade';
import { person } from '../session';
import { AskedButton, FormButton, useAct } from '../ui/act';
import { AddressTabs } from '../ui/address-tabs';
import { PartnerChoice, usePartners } from '../ui/partner';
import { Copied, Empty, Loaded, Page, Refused } from '../ui/states';
import { type Column, List } from '../ui/table';

const topics = [
  'document.changed',
  'document.proposed',
  'document.overdue',
  'document.reminded',
  'thread.changed',
  'app.notice',
];
const SOON = 5_000;
const colors: Record<string, string> = { delivered: 'teal', failed: 'red', pending: 'yellow' };

export default function Systems() {
  const { t } = useWords();
  const may = person()?.may ?? [];
  const tabs = [
    { value: 'webhooks', name: t.systems.webhooks, action: 'webhook.read', show: () => <Webhooks /> },
    { value: 'mails', name: t.systems.mails, action: 'document.read', show: () => <Mails /> },
    { value: 'parties', name: t.systems.parties, action: 'document.read', show: () => <Parties /> },
  ];
  return (
    <Page title={t.nav.systems}>
      <AddressTabs path="/systems" tabs={tabs.filter(({ action }) => may.includes(action))} />
    </Page>
  );
}

function Webhooks() {
  const { t, language } = useWords();
  const words = t.systems;
  const id = new URLSearchParams(useSearch()).get('id') ?? '';
  const may = person()?.may.includes('webhook.write') ?? false;
  const query = useQuery({ queryKey: ['webhook'], queryFn: () => egress.listWebhooks({}) });
  const columns: Column<Webhook>[] = [
    { name: words.url, show: (one) => one.url, text: (one) => one.url },
    { name: words.topics, show: (one) => one.topics.join(', ') || words.all, text: (one) => one.topics.join('; ') },
    {
      name: t.links.state,
      show: (one) =>
        one.disabled ? <Badge color="red">{one.disabled}</Badge> : <Badge color="teal">{words.live}</Badge>,
      text: (one) => one.disabled || words.live,
    },
    { name: t.me.since, show: (one) => moment(one.createdAt, language), text: (one) => moment(one.createdAt, 'en') },
    {
      name: t.stock.ways,
      show: (one) =>
        may ? (
          <AskedButton
            size="xs"
            variant="default"
            label={t.common.remove}
            warning={words.removeText}
            touched={['webhook']}
            work={() => egress.removeWebhook({ id: one.id })}
          />
        ) : (
          ''
        ),
    },
  ];
  return (
    <Stack>
      <Text size="sm">{words.about}</Text>
      {may && <AddWebhook />}
      <Loaded query={query}>
        {({ webhooks }) =>
          webhooks.length === 0 ? (
            <Empty>{words.none}</Empty>
          ) : (
            <>
              <List
                label={words.webhooks}
                rows={webhooks}
                columns={columns}
                id={(one) => one.id}
                to={(one) => `/systems?tab=webhooks&id=${one.id}`}
              />
              {webhooks.some((one) => one.id === id) && <Deliveries key={id} id={id} />}
            </>
          )
        }
      </Loaded>
    </Stack>
  );
}

function AddWebhook() {
  const { t } = useWords();
  const words = t.systems;
  const [url, setUrl] = useState('');
  const [chosen, setChosen] = useState<string[]>([]);
  const [secret, setSecret] = useState('');
  return (
    <Stack gap="xs">
      <Group justify="flex-end">
        <FormButton
          label={words.add}
          submit={t.common.save}
          ready={url.trim() !== ''}
          touched={['webhook']}
          work={async () => setSecret((await egress.addWebhook({ url: url.trim(), topics: chosen })).secret)}
          done={() => {
            setUrl('');
            setChosen([]);
          }}
        >
          <TextInput
            label={words.url}
            description={words.urlRule}
            type="url"
            value={url}
            maxLength={500}
            onChange={(event) => setUrl(event.currentTarget.value)}
            data-autofocus
          />
          <Checkbox.Group label={words.topics} description={words.topicsRule} value={chosen} onChange={setChosen}>
            <Stack gap="xs" mt={6}>
              {topics.map((topic) => (
                <Checkbox key={topic} value={topic} label={topic} />
              ))}
            </Stack>
          </Checkbox.Group>
        </FormButton>
      </Group>
      {secret && <Copied label={words.secret} text={secret} />}
    </Stack>
  );
}

/** What this one was told, and what it said to it. */
function Deliveries({ id }: { id: string }) {
  const { t, language } = useWords();
  const words = t.systems;
  const [, go] = useLocation();
  const failedOnly = new URLSearchParams(useSearch()).has('failed');
  const query = useQuery({
    queryKey: ['delivery', id, failedOnly],
    queryFn: () => egress.listDeliveries({ id, state: failedOnly ? 'failed' : '' }),
    refetchInterval: SOON,
  });
  const state = (one: Delivery) => words.states[one.state as keyof typeof words.states] ?? one.state;
  const columns: Column<Delivery>[] = [
    { name: words.topic, show: (one) => one.topic, text: (one) => one.topic },
    { name: t.links.state, show: (one) => <Badge color={colors[one.state]}>{state(one)}</Badge>, text: state },
    { name: words.attempts, show: (one) => String(one.attempts), text: (one) => String(one.attempts), number: true },
    {
      name: words.answer,
      show: (one) => one.trouble || (one.status ? String(one.status) : ''),
      text: (one) => one.trouble || String(one.status),
    },
    { name: words.at, show: (one) => moment(one.createdAt, language), text: (one) => moment(one.createdAt, 'en') },
    {
      name: t.stock.ways,
      show: (one) => (
        <Group gap={6}>
          <FormButton
            size="xs"
            variant="default"
            label={words.payload}
            submit={t.common.close}
            wide
            work={() => Promise.resolve()}
            touched={[]}
          >
            <Text size="sm" className="code" style={{ whiteSpace: 'pre-wrap' }}>
              {JSON.stringify(JSON.parse(one.payload), null, 2)}
            </Text>
          </FormButton>
          {one.state !== 'pending' && person()?.may.includes('webhook.write') && <Redeliver id={one.id} />}
        </Group>
      ),
    },
  ];
  return (
    <Stack gap="xs">
      <Checkbox
        label={words.failedOnly}
        checked={failedOnly}
        onChange={(event) => go(`/systems?tab=webhooks&id=${id}${event.currentTarget.checked ? '&failed' : ''}`)}
      />
      <Loaded query={query}>
        {({ deliveries }) =>
          deliveries.length === 0 ? (
            <Empty>{words.nothingTold}</Empty>
          ) : (
            <List label={words.deliveries} rows={deliveries} columns={columns} id={(one) => one.id} />
          )
        }
      </Loaded>
    </Stack>
  );
}

function Redeliver({ id }: { id: string }) {
  const { t } = useWords();
  const again = useAct(() => egress.redeliver({ id }), ['delivery']);
  return (
    <>
      <Button size="xs" variant="default" loading={again.isPending} onClick={() => again.mutate(undefined)}>
        {t.systems.again}
      </Button>
      {again.isError && <Refused error={again.error} />}
    </>
  );
}

function Mails() {
  const { t, language } = useWords();
  const words = t.systems;
  const query = useQuery({ queryKey: ['mail'], queryFn: () => egress.listMails({}) });
  const state = (one: Mail) => words.states[one.state as keyof typeof words.states] ?? one.state;
  const columns: Column<Mail>[] = [
    { name: t.reach.subject, show: (one) => one.subject || words.forgotten, text: (one) => one.subject },
    { name: words.to, show: (one) => one.to, text: (one) => one.to },
    { name: t.links.state, show: (one) => <Badge color={colors[one.state]}>{state(one)}</Badge>, text: state },
    { name: words.answer, show: (one) => one.trouble, text: (one) => one.trouble },
    { name: words.at, show: (one) => moment(one.createdAt, language), text: (one) => moment(one.createdAt, 'en') },
  ];
  return (
    <Stack>
      <Text size="sm">{words.mailsAbout}</Text>
      <Loaded query={query}>
        {({ mails }) =>
          mails.length === 0 ? (
            <Empty>{words.noMails}</Empty>
          ) : (
            <List label={words.mails} rows={mails} columns={columns} id={(one) => one.id} />
          )
        }
      </Loaded>
    </Stack>
  );
}

/** Whom papers mean by an identifier. */
function Parties() {
  const { t } = useWords();
  const words = t.systems;
  const partners = usePartners();
  const may = person()?.may.includes('document.configure') ?? false;
  const query = useQuery({ queryKey: ['paper-party'], queryFn: () => procurement.listPaperParties({}) });
  const columns: Column<PaperParty>[] = [
    { name: words.identifier, show: (one) => <span className="code">{one.id}</span>, text: (one) => one.id },
    { name: words.scheme, show: (one) => one.scheme, text: (one) => one.scheme },
    { name: t.links.partner, show: (one) => partners.name(one.linkId), text: (one) => partners.name(one.linkId) },
    {
      name: t.stock.ways,
      show: (one) =>
        may ? (
          <AskedButton
            size="xs"
            variant="default"
            label={t.common.remove}
            warning={words.forgetText}
            touched={['paper-party']}
            work={() => procurement.removePaperParty({ scheme: one.scheme, value: one.id })}
          />
        ) : (
          ''
        ),
    },
  ];
  return (
    <Stack>
      <Text size="sm">{words.partiesAbout}</Text>
      {may && (
        <Group justify="flex-end">
          <PutParty />
        </Group>
      )}
      <Loaded query={query}>
        {({ parties }) =>
          parties.length === 0 ? (
            <Empty>{words.noParties}</Empty>
          ) : (
            <List label={words.parties} rows={parties} columns={columns} id={(one) => `${one.scheme}/${one.id}`} />
          )
        }
      </Loaded>
    </Stack>
  );
}

function PutParty() {
  const { t } = useWords();
  const words = t.systems;
  const [linkId, setLinkId] = useState('');
  // A GLN, unless something else is said.
  const [scheme, setScheme] = useState('0088');
  const [id, setId] = useState('');
  return (
    <FormButton
      label={words.addParty}
      submit={t.common.save}
      ready={linkId !== '' && scheme.trim() !== '' && id.trim() !== ''}
      touched={['paper-party']}
      work={() => procurement.putPaperParty({ party: { scheme: scheme.trim(), id: id.trim(), linkId } })}
      done={() => setId('')}
    >
      <PartnerChoice value={linkId} change={setLinkId} />
      <TextInput
        label={words.scheme}
        description={words.schemeRule}
        value={scheme}
        maxLength={10}
        onChange={(event) => setScheme(event.currentTarget.value)}
      />
      <TextInput
        label={words.identifier}
        value={id}
        maxLength={60}
        onChange={(event) => setId(event.currentTarget.value)}
      />
    </FormButton>
  );
}
