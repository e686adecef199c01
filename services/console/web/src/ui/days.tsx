// Civil days where one is, and a span of them.
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Group, TextInput } from '@mantine/core';

/** When a day begins, and when it ends; nothing where none is chosen. */
export const beginOf = (day: string) => (day ? timestampFromDate(new Date(`${day}T00:00:00`)) : undefined);
export const endOf = (day: string) => (day ? timestampFromDate(new Date(`${day}T23:59:59`)) : undefined);

interface Day {
  label: string;
  value: string;
  change: (day: string) => void;
}

/** The first and the last day of something. */
export function DayFields({ first, last }: { first: Day; last: Day }) {
  return (
    <Group grow>
      {[first, last].map(({ label, value, change }) => (
        <TextInput
          key={label}
          type="date"
          label={label}
          value={value}
          onChange={(event) => change(event.currentTarget.value)}
        />
      ))}
    </Group>
  );
}
