// What a section says, whatever its kind.
import { Badge, Stack, Table, Text } from '@mantine/core';
import { decimal, money, quantity } from '../format';
import type { Content, Form, Line } from '../gen/hansa/documents/v1/types_pb';
import { Verdict } from '../gen/hansa/documents/v1/types_pb';
import { useWords } from '../i18n';
import { useColleagues } from './colleagues';
import { hexOf } from './hex';
import { inOrder } from './order';
import { usePartners } from './partner';

interface Props {
  content: Content;
  /** The lines that answers and receipts speak of. */
  lines?: Content;
  contents: Record<string, Content>;
  /** Of a form: what its kind says of the fields. */
  schema?: unknown;
}

interface FormSchema {
  properties?: Record<string, { title?: string; 'x-hansa-titles'?: Record<string, string> }>;
  required?: string[];
}

/** What a field says, on one line; `names`: of files, partners and colleagues by what they are in a form. */
function inWords(value: unknown, names: Map<string, string>): string {
  if (Array.isArray(value)) return value.map((one) => inWords(one, names)).join('; ');
  if (value && typeof value === 'object') {
    return Object.values(value)
      .map((one) => inWords(one, names))
      .join(' ');
  }
  const text = String(value ?? '');
  return names.get(text) ?? text.replaceAll('_', ' ');
}

/** What a form says, or a system's answer to one. */
export function FormView({ form, schema }: { form: Pick<Form, 'json' | 'files'>; schema?: FormSchema }) {
  const { language } = useWords();
  const [colleagues, partners] = [useColleagues(), usePartners()];
  const fields = schema?.properties ?? {};
  const title = (name: string) => fields[name]?.['x-hansa-titles']?.[language] ?? fields[name]?.title ?? name;
  const names = new Map([
    ...form.files.map((file): [string, string] => [hexOf(file.hash), file.name]),
    ...colleagues.map((one): [string, string] => [one.id, one.name]),
    ...partners.all.map((link): [string, string] => [link.partnerId, link.partner]),
  ]);
  const said = JSON.parse(form.json) as Record<string, unknown>;
  const order = schema ? inOrder(schema) : [];
  const rest = Object.keys(said).filter((name) => !order.includes(name));
  const all = [...order.filter((name) => name in said), ...rest];
  return <Pairs said={all.map((name) => [title(name), inWords(said[name], names)])} />;
}

const nameOf = (line?: Line) => line?.name || line?.sku || line?.gtin || line?.buyerSku || '';

export function ContentView({ content, lines, contents, schema }: Props) {
  const { t, language } = useWords();
  const of = (id: string) =>
    lines?.body.case === 'lines' ? lines.body.value.lines.find((line) => line.id === id) : undefined;
  const { body } = content;
  const head = Object.values(contents).find((one) => one.body.case === 'head')?.body;
  const currency = head?.case === 'head' ? head.value.currency : '';
  if (body.case === 'head') {
    const head = body.value;
    const said: [string, string][] = [
      [t.head.currency, head.currency],
      [t.head.reference, head.reference],
      [t.head.issueDate, head.issueDate],
      [t.head.dueDate, head.dueDate],
      [t.head.deliveryAddress, head.deliveryAddress],
      [t.head.deliveryLocation, head.deliveryLocation],
      [t.head.delivery, [head.deliveryFrom, head.deliveryUntil].filter(Boolean).join(' – ')],
      [t.head.paymentTerms, head.paymentTerms],
      [t.head.costCentre, head.accountingCost],
      [t.head.note, head.note],
    ];
    return <Pairs said={said} />;
  }
  if (body.case === 'lines') {
    return (
      <Rows names={[t.lines.line, t.lines.article, t.lines.quantity, t.lines.price, t.lines.note]} label={t.lines.all}>
        {body.value.lines.map((line) => [
          line.id,
          <Stack gap={0} key="article">
            <span>{nameOf(line)}</span>
            <Text size="xs" c="dimmed" className="code">
              {[line.sku, line.gtin, line.buyerSku].filter(Boolean).join(' · ')}
            </Text>
          </Stack>,
          quantity(line.quantity, language),
          line.price ? money(line.price.value, line.price.scale, currency, language) : '',
          line.note,
        ])}
      </Rows>
    );
  }
  if (body.case === 'answers') {
    return (
      <Rows
        names={[t.lines.line, t.lines.article, t.lines.answer, t.lines.quantity, t.lines.note]}
        label={t.lines.answers}
      >
        {body.value.answers.map((answer) => [
          answer.line,
          nameOf(of(answer.line)),
          <Badge
            key="verdict"
            color={answer.verdict === Verdict.ACCEPT ? 'teal' : answer.verdict === Verdict.DECLINE ? 'red' : 'yellow'}
          >
            {t.lines.verdicts[Verdict[answer.verdict] as keyof typeof t.lines.verdicts]}
          </Badge>,
          quantity(answer.quantity, language),
          [answer.on, answer.substituteSku, answer.reason].filter(Boolean).join(' · '),
        ])}
      </Rows>
    );
  }
  if (body.case === 'receipts') {
    return (
      <Rows
        names={[t.lines.line, t.lines.article, t.lines.received, t.lines.rejected, t.lines.note]}
        label={t.lines.receipts}
      >
        {body.value.receipts.map((receipt) => [
          receipt.line,
          nameOf(of(receipt.line)),
          quantity(receipt.received, language),
          quantity(receipt.rejected, language),
          receipt.reason,
        ])}
      </Rows>
    );
  }
  if (body.case === 'remark') {
    return (
      <Pairs
        said={[
          [t.head.reference, body.value.reference],
          [t.head.note, body.value.note],
        ]}
      />
    );
  }
  if (body.case === 'form') return <FormView form={body.value} schema={schema as FormSchema | undefined} />;
  if (body.case === 'prices') {
    const prices = body.value;
    return (
      <Stack>
        <Pairs
          said={[
            [t.prices.valid, [prices.validFrom, prices.validUntil].filter(Boolean).join(' – ')],
            [t.prices.incoterm, prices.incoterm],
            [
              t.prices.blanket,
              prices.blanket ? money(prices.blanket.value, prices.blanket.scale, currency, language) : '',
            ],
            [t.head.note, prices.note],
          ]}
        />
        <Rows
          names={[t.lines.line, t.lines.article, t.prices.breaks, t.prices.minimum, t.prices.pack, t.prices.leadDays]}
          label={t.prices.all}
        >
          {prices.lines.map((line) => [
            line.id,
            line.name || line.sku || line.gtin || line.category,
            line.breaks
              .map(
                (one) =>
                  `${one.from ? `≥ ${decimal(one.from.value, one.from.scale)}: ` : ''}${money(one.price?.value ?? 0n, one.price?.scale ?? 0, currency, language)}`,
              )
              .join('; '),
            line.minimum && decimal(line.minimum.value, line.minimum.scale),
            line.pack && decimal(line.pack.value, line.pack.scale),
            line.leadDays || '',
          ])}
        </Rows>
      </Stack>
    );
  }
  return null;
}

function Pairs({ said }: { said: [string, string][] }) {
  const { t } = useWords();
  const some = said.filter(([, value]) => value);
  if (some.length === 0) return <Text size="sm">{t.common.nothing}</Text>;
  return (
    <Table withRowBorders={false} verticalSpacing={4}>
      <Table.Tbody>
        {some.map(([name, value]) => (
          <Table.Tr key={name}>
            <Table.Th w="35%" fw={500}>
              {name}
            </Table.Th>
            <Table.Td>{value}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function Rows({ names, label, children }: { names: string[]; label: string; children: React.ReactNode[][] }) {
  return (
    <Table.ScrollContainer
      minWidth={420}
      scrollAreaProps={{ viewportProps: { tabIndex: 0, role: 'region', 'aria-label': label } }}
    >
      <Table aria-label={label}>
        <Table.Thead>
          <Table.Tr>
            {names.map((name) => (
              <Table.Th key={name}>{name}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {children.map((cells, place) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows of a document never move
            <Table.Tr key={place}>
              {cells.map((cell, column) => (
                <Table.Td key={names[column]}>{cell}</Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
