// Figures over time, one or two beside each other.
import { useDeferredValue } from 'react';
import { Bar, BarChart, CartesianGrid, Legend, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import { number } from '../format';
import { useWords } from '../i18n';
import { useInk } from './ink';

export interface Instant {
  /** Month or day. */
  name: string;
  /** One for each name of the chart. */
  values: number[];
}

interface Props {
  label: string;
  names: string[];
  instants: Instant[];
  /** How a figure is written; as a number without it. */
  write?: (value: number) => string;
}

export default function Columns({ label, names, instants, write }: Props) {
  const { language } = useWords();
  // Figures are there at once; to draw them takes longer.
  const drawn = useDeferredValue(true, false);
  const { ink, grid, series, tooltip } = useInk();
  const said = write ?? ((value: number) => number(value, language));
  const heard = ({ name, values }: Instant) =>
    `${name} ${values.map((value, place) => `${names[place]} ${said(value)}`).join(', ')}`;
  return (
    <div role="img" aria-label={`${label}: ${instants.map(heard).join('; ')}`} style={{ height: 240 }}>
      {drawn && (
        <ResponsiveContainer width="100%" height="100%">
          <BarChart data={instants} margin={{ left: 0, right: 8, top: 4, bottom: 4 }} accessibilityLayer={false}>
            <CartesianGrid vertical={false} stroke={grid} />
            <XAxis dataKey="name" stroke={ink} fontSize={12} minTickGap={12} />
            <YAxis width={88} stroke={ink} fontSize={12} tickFormatter={said} allowDecimals={write !== undefined} />
            <Tooltip
              cursor={false}
              formatter={(value, name) => [said(Number(value)), String(name)]}
              contentStyle={tooltip}
            />
            {names.length > 1 && <Legend formatter={(name) => <span style={{ color: ink }}>{name}</span>} />}
            {names.map((name, place) => (
              <Bar
                key={name}
                name={name}
                dataKey={(one: Instant) => one.values[place]}
                fill={series[place]}
                maxBarSize={40}
                isAnimationActive={false}
              />
            ))}
          </BarChart>
        </ResponsiveContainer>
      )}
    </div>
  );
}
