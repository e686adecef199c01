// Fields of forms that only we know: money, a product, files, and who or what is chosen by name.
import { Autocomplete, Button, FileButton, Group, NativeSelect, Stack, Text, TextInput } from '@mantine/core';
import type { FieldProps } from '@rjsf/utils';
import { useQuery } from '@tanstack/react-query';
import { upload } from '../device/queue';
import type { FileRef } from '../gen/hansa/files/v1/types_pb';
import { useWords } from '../i18n';
import { inventory } from '../rpc';
import { person } from '../session';
import { useAct } from './act';
import { ColleagueChoice } from './colleagues';
import { hexOf } from './hex';
import { usePartners } from './partner';
import { Refused } from './states';

export interface Files {
  add: (files: FileRef[]) => void;
  nameOf: (hash: string) => string;
}

function MoneyField({ formData, onChange, schema, fieldPathId, required }: FieldProps) {
  const { t } = useWords();
  const money = (formData ?? { currency: 'EUR' }) as { amount?: string; currency?: string };
  const set = (next: object) => onChange({ ...money, ...next }, fieldPathId.path);
  return (
    <Group align="flex-end">
      <TextInput
        label={schema.title}
        required={required}
        inputMode="decimal"
        value={money.amount ?? ''}
        onChange={(event) => set({ amount: event.currentTarget.value.replace(',', '.') })}
      />
      <TextInput
        label={t.head.currency}
        maxLength={3}
        w={90}
        value={money.currency ?? ''}
        onChange={(event) => set({ currency: event.currentTarget.value.toUpperCase() })}
      />
    </Group>
  );
}

function ProductField({ formData, onChange, schema, fieldPathId }: FieldProps) {
  const { t } = useWords();
  const product = (formData ?? {}) as Record<string, string>;
  const fields: [string, string][] = [
    ['name', t.lines.name],
    ['gtin', t.stock.gtin],
    ['sku', t.stock.sku],
  ];
  return (
    <Stack gap={4}>
      <Text size="sm" fw={500}>
        {schema.title}
      </Text>
      <Group align="flex-end">
        {fields.map(([name, label]) => (
          <TextInput
            key={name}
            label={label}
            value={product[name] ?? ''}
            onChange={(event) => {
              const next = { ...product, [name]: event.currentTarget.value };
              const said = Object.entries(next).filter(([, value]) => value);
              onChange(said.length > 0 ? Object.fromEntries(said) : undefined, fieldPathId.path);
            }}
          />
        ))}
      </Group>
    </Stack>
  );
}

function FileField({ formData, onChange, schema, fieldPathId, registry }: FieldProps) {
  const { t } = useWords();
  const files = registry.formContext.files as Files;
  const several = schema.type === 'array';
  const kept = ((several ? formData : formData ? [formData] : []) ?? []) as string[];
  const bring = useAct(
    (chosen: File[]) =>
      Promise.all(
        chosen.map(async (file) => upload({ name: file.name, type: file.type, bytes: await file.arrayBuffer() })),
      ),
    [],
    (refs: FileRef[]) => {
      files.add(refs);
      const hashes = refs.map((ref) => hexOf(ref.hash));
      onChange(several ? [...kept, ...hashes] : hashes[0], fieldPathId.path);
    },
  );
  return (
    <Stack gap={4}>
      <Group>
        <FileButton
          onChange={(chosen) => bring.mutate([chosen].flat().filter((one) => one !== null))}
          multiple={several}
        >
          {(props) => (
            <Button {...props} size="xs" variant="default" loading={bring.isPending}>
              {schema.title}
            </Button>
          )}
        </FileButton>
        <Text size="sm">{kept.map(files.nameOf).join(', ')}</Text>
        {kept.length > 0 && (
          <Button
            size="compact-xs"
            variant="subtle"
            color="red"
            onClick={() => onChange(several ? [] : undefined, fieldPathId.path)}
          >
            {t.common.remove}
          </Button>
        )}
      </Group>
      {bring.isError && <Refused error={bring.error} />}
    </Stack>
  );
}

function StaffField({ formData, onChange, schema, fieldPathId, required }: FieldProps) {
  return (
    <ColleagueChoice
      label={schema.title ?? ''}
      value={(formData as string | undefined) ?? ''}
      change={(id) => onChange(id || undefined, fieldPathId.path)}
      required={required}
    />
  );
}

function PartnerField({ formData, onChange, schema, fieldPathId, required }: FieldProps) {
  const { all } = usePartners();
  return (
    <NativeSelect
      label={schema.title}
      required={required}
      data={[{ value: '', label: '' }, ...all.map((link) => ({ value: link.partnerId, label: link.partner }))]}
      value={(formData as string | undefined) ?? ''}
      onChange={(event) => onChange(event.currentTarget.value || undefined, fieldPathId.path)}
    />
  );
}

/** One of our places, or whatever else the partner knows one by. */
function LocationField({ formData, onChange, schema, fieldPathId, required }: FieldProps) {
  const places = useQuery({
    queryKey: ['location'],
    queryFn: () => inventory.listLocations({}),
    enabled: person()?.may.includes('stock.read') ?? false,
  });
  return (
    <Autocomplete
      label={schema.title}
      required={required}
      maxLength={40}
      data={(places.data?.locations ?? []).map(({ code }) => code)}
      value={(formData as string | undefined) ?? ''}
      onChange={(code) => onChange(code || undefined, fieldPathId.path)}
    />
  );
}

export const fields = {
  money: MoneyField,
  product: ProductField,
  file: FileField,
  staff: StaffField,
  partner: PartnerField,
  location: LocationField,
};
