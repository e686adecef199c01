// Which pool, and which of its fields.
import { Checkbox, Group, NativeSelect } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { Pool } from '../gen/hansa/members/v1/staff_pb';
import { useWords } from '../i18n';
import { members } from '../rpc-people';

/** Pools of our own: those that hold what partners have released are left out. */
export function usePools(): { ours: Pool[] } {
  const query = useQuery({ queryKey: ['pool'], queryFn: () => members.listPools({}) });
  return { ours: (query.data?.pools ?? []).filter((pool) => pool.linkId === '') };
}

export function PoolChoice({ value, change }: { value: string; change: (code: string) => void }) {
  const { t } = useWords();
  const { ours } = usePools();
  const data = [{ value: '', label: '' }, ...ours.map((pool) => ({ value: pool.code, label: pool.name || pool.code }))];
  return (
    <NativeSelect
      label={t.pools.ourPool}
      data={data}
      value={value}
      onChange={(event) => change(event.currentTarget.value)}
    />
  );
}

/** Fields of a pool that somebody gets. */
export function FieldChoice({
  label,
  pool,
  value,
  change,
}: {
  label?: string;
  pool?: Pool;
  value: string[];
  change: (fields: string[]) => void;
}) {
  const { t } = useWords();
  if (!pool || pool.fields.length === 0) return null;
  return (
    <Checkbox.Group label={label ?? t.pools.released} value={value} onChange={change}>
      <Group gap="xs" mt={6}>
        {pool.fields.map(({ name }) => (
          <Checkbox key={name} value={name} label={name} />
        ))}
      </Group>
    </Checkbox.Group>
  );
}
