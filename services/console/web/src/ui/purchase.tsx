// From what our people ask for to what suppliers are asked for: what an approver looks at, orders for each supplier, and where lines went.
import { Alert, Button, Card, Group, Select, SimpleGrid, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { digitsOf, money, quantity } from '../format';
import type { Document } from '../gen/hansa/documents/v1/staff_pb';
import { useWords } from '../i18n';
import { procurement } from '../rpc-trade';
import { useAct } from './act';
import { linesOf, uuid7 } from './lines';
import { usePartners } from './partner';
import { Refused } from './states';

const named = (line: { name: string; sku: string; gtin: string; buyerSku: string }) =>
  line.name || line.buyerSku || line.sku || line.gtin;

/** What we have of each article, and the budget that pays for it. */
export function Outlook({ id }: { id: string }) {
  const { t, language } = useWords();
  const query = useQuery({
    queryKey: ['document', 'outlook', id],
    queryFn: () => procurement.getOutlook({ documentId: id }),
  });
  const seen = query.data;
  if (!seen || (seen.stock.length === 0 && !seen.budget)) return null;
  const { budget } = seen;
  const amount = (minor: bigint) => money(minor, digitsOf(budget?.currency ?? ''), budget?.currency ?? '', language);
  return (
    <Stack gap="xs">
      {budget && (
        <Alert color={seen.overBudget ? 'red' : 'teal'} title={`${t.purchase.budget} ${budget.accountingCost}`}>
          <Text size="sm">{t.purchase.bound(amount(budget.bound), amount(budget.amount))}</Text>
          {seen.thisRequest > 0n && <Text size="sm">{t.purchase.thisRequest(amount(seen.thisRequest))}</Text>}
          {seen.overBudget && <Text size="sm">{t.purchase.over}</Text>}
        </Alert>
      )}
      {seen.stock.length > 0 && (
        <Table aria-label={t.purchase.stock}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t.lines.line}</Table.Th>
              <Table.Th className="number">{t.stock.onHand}</Table.Th>
              <Table.Th className="number">{t.stock.reserved}</Table.Th>
              <Table.Th className="number">{t.stock.incoming}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {seen.stock.map((one) => (
              <Table.Tr key={one.line}>
                <Table.Td>{one.line}</Table.Td>
                <Table.Td className="number">{quantity(one.onHand, language)}</Table.Td>
                <Table.Td className="number">{quantity(one.reserved, language)}</Table.Td>
                <Table.Td className="number">{quantity(one.incoming, language)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
    </Stack>
  );
}

/** Which line of which request went into which line of which order. */
function useSources(one: Document) {
  const query = useQuery({
    queryKey: ['document', 'sources', one.id],
    queryFn: () => procurement.listOrderSources({ documentId: one.id }),
  });
  return query.data?.sources ?? [];
}

/** Each line to a supplier; one order for each of them. */
export function MakeOrders({ one }: { one: Document }) {
  const { t, language } = useWords();
  const partners = usePartners();
  // What is ordered already is not ordered again.
  const gone = new Set(useSources(one).map((source) => source.requisitionLine));
  const lines = linesOf(one).filter((line) => !gone.has(line.id));
  const [chosen, setChosen] = useState<Record<string, string>>({});
  const [location, setLocation] = useState('');
  const [until, setUntil] = useState('');
  // The same one when it is sent again: they are made once.
  const [id, setId] = useState(uuid7);
  const make = useAct(
    () =>
      procurement.makeOrders({
        id,
        assignments: lines.flatMap((line) => {
          const linkId = chosen[line.id];
          return linkId ? [{ requisitionId: one.id, line: line.id, linkId }] : [];
        }),
        head: { deliveryLocation: location.trim(), deliveryUntil: until },
      }),
    ['document', 'approval'],
    () => {
      setId(uuid7());
      setChosen({});
    },
  );
  const suppliers = partners.all.map((link) => ({ value: link.id, label: link.partner }));
  if (lines.length === 0) return null;
  return (
    <Card withBorder>
      <Stack gap="sm">
        <Title order={2} size="h4">
          {t.purchase.make}
        </Title>
        <Group align="flex-end">
          <Select
            label={t.purchase.all}
            data={suppliers}
            value={null}
            onChange={(link) => setChosen(Object.fromEntries(lines.map((line) => [line.id, link ?? ''])))}
            searchable
          />
        </Group>
        <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
          {lines.map((line) => (
            <Select
              key={line.id}
              label={`${named(line)}, ${quantity(line.quantity, language)}`}
              data={suppliers}
              value={chosen[line.id] || null}
              onChange={(link) => setChosen({ ...chosen, [line.id]: link ?? '' })}
              searchable
              clearable
            />
          ))}
        </SimpleGrid>
        <Group align="flex-end">
          <TextInput
            label={t.head.deliveryLocation}
            value={location}
            onChange={(event) => setLocation(event.currentTarget.value)}
          />
          <TextInput
            type="date"
            label={t.head.until}
            value={until}
            onChange={(event) => setUntil(event.currentTarget.value)}
          />
          <Button
            loading={make.isPending}
            disabled={!Object.values(chosen).some(Boolean)}
            onClick={() => make.mutate(undefined)}
          >
            {t.purchase.make}
          </Button>
        </Group>
        {make.isError && <Refused error={make.error} />}
      </Stack>
    </Card>
  );
}

/** Which orders a requisition went into, or which requisitions an order comes from. */
export function Sources({ one }: { one: Document }) {
  const { t } = useWords();
  const sources = useSources(one);
  if (sources.length === 0) return null;
  const asked = sources.some((source) => source.requisitionId === one.id);
  const others = [...new Set(sources.map((source) => (asked ? source.orderId : source.requisitionId)))];
  return (
    <Card withBorder>
      <Title order={2} size="h4" mb="xs">
        {asked ? t.purchase.went : t.purchase.from}
      </Title>
      <Stack gap={4}>
        {others.map((id) => (
          <Group key={id} gap="xs">
            <Link href={`/documents/${id}`}>{asked ? t.purchase.order : t.purchase.requisition}</Link>
            <Text size="sm">
              {t.lines.line}{' '}
              {sources
                .filter((source) => (asked ? source.orderId : source.requisitionId) === id)
                .map((source) => `${source.requisitionLine} → ${source.orderLine}`)
                .join(', ')}
            </Text>
          </Group>
        ))}
      </Stack>
    </Card>
  );
}
