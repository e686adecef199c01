// What was agreed: prices of a day and who signed them; and what is not as it was agreed.
import { Badge, Button, Card, Group, NativeSelect, Stack, Text, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { Link } from 'wouter';
import { decimal, digitsOf, moment, money, number, parseDecimal } from '../format';
import type { PriceAgreement, PriceException } from '../gen/hansa/procurement/v1/prices_pb';
import type { MatchException } from '../gen/hansa/procurement/v1/staff_pb';
import { useWords } from '../i18n';
import { prices, procurement } from '../rpc-trade';
import { AddressTabs } from '../ui/address-tabs';
import { ItemField, namedBy } from '../ui/item';
import { PartnerChoice, usePartners } from '../ui/partner';
import { Empty, Loaded, Page } from '../ui/states';
import { type Column, List } from '../ui/table';
import { Tolerances } from './tolerances';

export default function Prices() {
  const { t } = useWords();
  const tabs = [
    { value: 'agreements', name: t.prices.agreements, show: () => <Agreements /> },
    { value: 'find', name: t.prices.find, show: () => <Find /> },
    { value: 'exceptions', name: t.prices.exceptions, show: () => <Exceptions /> },
    { value: 'tolerances', name: t.tolerance.title, show: () => <Tolerances /> },
  ];
  return (
    <Page title={t.nav.prices}>
      <AddressTabs path="/prices" tabs={tabs} />
    </Page>
  );
}

function Agreements() {
  const { t, language } = useWords();
  const partners = usePartners();
  const query = useQuery({ queryKey: ['document', 'agreements'], queryFn: () => prices.listPriceAgreements({}) });
  const minor = (one: PriceAgreement, value: bigint) => money(value, digitsOf(one.currency), one.currency, language);
  const columns: Column<PriceAgreement>[] = [
    { name: t.documents.number, show: (one) => one.number, text: (one) => one.number },
    { name: t.links.partner, show: (one) => partners.name(one.linkId), text: (one) => partners.name(one.linkId) },
    {
      name: t.prices.valid,
      show: (one) => [one.validFrom, one.validUntil].filter(Boolean).join(' – '),
      text: (one) => `${one.validFrom} ${one.validUntil}`,
    },
    {
      name: t.prices.lines,
      show: (one) => number(one.lines, language),
      text: (one) => String(one.lines),
      number: true,
    },
    {
      name: t.prices.drawn,
      show: (one) =>
        one.blanket === undefined
          ? minor(one, one.drawn)
          : t.prices.drawnOf(minor(one, one.drawn), minor(one, one.blanket)),
      text: (one) => minor(one, one.drawn),
    },
    {
      name: t.prices.agreedAt,
      show: (one) => moment(one.agreedAt, language),
      text: (one) => moment(one.agreedAt, 'en'),
    },
  ];
  return (
    <Loaded query={query}>
      {(answer) =>
        answer.agreements.length === 0 ? (
          <Empty>{t.prices.none}</Empty>
        ) : (
          <List
            label={t.prices.agreements}
            rows={answer.agreements}
            columns={columns}
            id={(one) => `${one.documentId}/${one.version}`}
            to={(one) => `/documents/${one.documentId}`}
          />
        )
      }
    </Loaded>
  );
}

interface Asked {
  linkId: string;
  ourRole: string;
  day: string;
  article: string;
  units: string;
}

function Find() {
  const { t, language } = useWords();
  const [form, setForm] = useState<Asked>({ linkId: '', ourRole: 'buyer', day: '', article: '', units: '1' });
  const [asked, setAsked] = useState<Asked>();
  const query = useQuery({
    queryKey: ['document', 'price', asked],
    queryFn: () => {
      const { linkId = '', ourRole = '', day = '', article = '', units = '' } = asked ?? {};
      const read = parseDecimal(units);
      return prices.findPrices({
        linkId,
        ourRole,
        day,
        articles: [{ ...namedBy(article), quantity: read && { ...read, unit: '' } }],
      });
    },
    enabled: asked !== undefined,
  });
  const set = (next: Partial<Asked>) => setForm({ ...form, ...next });
  const find = (event: FormEvent) => {
    event.preventDefault();
    setAsked({ ...form, article: form.article.trim() });
  };
  return (
    <Stack>
      <form onSubmit={find}>
        <Group align="flex-end">
          <PartnerChoice value={form.linkId} change={(linkId) => set({ linkId })} />
          <NativeSelect
            label={t.prices.as}
            data={[
              { value: 'buyer', label: t.prices.buyer },
              { value: 'seller', label: t.prices.seller },
            ]}
            value={form.ourRole}
            onChange={(event) => set({ ourRole: event.currentTarget.value })}
          />
          <ItemField value={form.article} change={(article) => set({ article })} />
          <TextInput
            label={t.lines.quantity}
            value={form.units}
            onChange={(event) => set({ units: event.currentTarget.value })}
            w={90}
          />
          <TextInput
            type="date"
            label={t.prices.day}
            value={form.day}
            onChange={(event) => set({ day: event.currentTarget.value })}
          />
          <Button type="submit" disabled={!form.linkId || !form.article.trim()}>
            {t.common.find}
          </Button>
        </Group>
      </form>
      {asked && (
        <Loaded query={query}>
          {(answer) => {
            const one = answer.prices[0];
            if (!one?.agreement || !one.price) return <Empty>{t.prices.notAgreed}</Empty>;
            return (
              <Card withBorder>
                <Stack gap="xs">
                  <Title order={2} size="h3">
                    {money(one.price.value, one.price.scale, one.agreement.currency, language)}
                  </Title>
                  <Text size="sm">{one.line?.name || one.line?.sku || one.line?.category}</Text>
                  <Link href={`/documents/${one.agreement.documentId}`}>{one.agreement.number}</Link>
                  <Text size="sm">
                    {one.line?.breaks
                      .map((each) => {
                        const from = each.from ? `≥ ${decimal(each.from.value, each.from.scale)}: ` : '';
                        return `${from}${decimal(each.price?.value ?? 0n, each.price?.scale ?? 0)}`;
                      })
                      .join(' · ')}
                  </Text>
                  {one.signedBy.map((signer) => (
                    <Text size="sm" key={`${signer.role}${signer.act}`}>
                      {t.prices.signed(signer.enterprise, moment(one.agreement?.agreedAt, language))}
                    </Text>
                  ))}
                </Stack>
              </Card>
            );
          }}
        </Loaded>
      )}
    </Stack>
  );
}

type Exception = (PriceException | MatchException) & { matched: boolean };

function Exceptions() {
  const { t, language } = useWords();
  const partners = usePartners();
  const query = useQuery({
    queryKey: ['document', 'exceptions'],
    queryFn: async () => {
      const [priced, matched] = await Promise.all([
        prices.listPriceExceptions({}),
        procurement.listMatchExceptions({}),
      ]);
      return [
        ...matched.exceptions.map((one) => ({ ...one, matched: true })),
        ...priced.exceptions.map((one) => ({ ...one, matched: false })),
      ] satisfies Exception[];
    },
  });
  const finding = (name: string) => t.prices.findings[name as keyof typeof t.prices.findings] ?? name;
  const columns: Column<Exception>[] = [
    { name: t.documents.number, show: (one) => one.number, text: (one) => one.number },
    { name: t.links.partner, show: (one) => partners.name(one.linkId), text: (one) => partners.name(one.linkId) },
    {
      name: t.prices.what,
      show: (one) => (
        <Group gap={4}>
          {one.findings.map((name) => (
            <Badge key={name} color="orange">
              {finding(name)}
            </Badge>
          ))}
        </Group>
      ),
      text: (one) => one.findings.map(finding).join('; '),
    },
    { name: t.documents.since, show: (one) => moment(one.since, language), text: (one) => moment(one.since, 'en') },
  ];
  return (
    <Loaded query={query}>
      {(rows) =>
        rows.length === 0 ? (
          <Empty>{t.prices.noExceptions}</Empty>
        ) : (
          <List
            label={t.prices.exceptions}
            rows={rows}
            columns={columns}
            id={(one) => `${one.documentId}/${one.matched}`}
            to={(one) => `/documents/${one.documentId}`}
          />
        )
      }
    </Loaded>
  );
}
