// Who works here: to be chosen by name.
import { Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { directory } from '../rpc';
import { person } from '../session';

export function useColleagues() {
  const query = useQuery({ queryKey: ['staff', 'names'], queryFn: () => directory.listColleagues({}) });
  return query.data?.colleagues ?? [];
}

interface Props {
  label: string;
  value: string;
  change: (id: string) => void;
  required?: boolean;
  /** Oneself is no choice. */
  others?: boolean;
}

export function ColleagueChoice({ label, value, change, required, others }: Props) {
  const all = useColleagues().filter((one) => !others || one.id !== person()?.staffId);
  return (
    <Select
      label={label}
      data={all.map((one) => ({ value: one.id, label: one.name }))}
      value={value || null}
      onChange={(id) => change(id ?? '')}
      required={required}
      searchable
      clearable={!required}
    />
  );
}
