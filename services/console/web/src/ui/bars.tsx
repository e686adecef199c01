// Figures by name that people would rather look at than read; whoever can't look hears them.
import { useDeferredValue } from 'react';
import { Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import { number } from '../format';
import { useWords } from '../i18n';
import { useInk } from './ink';

export interface Figure {
  name: string;
  value: number;
}

interface Props {
  label: string;
  figures: Figure[];
  /** How a figure is written; as a number without it. */
  write?: (value: number) => string;
}

export default function Bars({ label, figures, write }: Props) {
  const { language } = useWords();
  // Figures are there at once; to draw them takes longer.
  const drawn = useDeferredValue(true, false);
  const { ink, grid, series, tooltip } = useInk();
  const said = write ?? ((value: number) => number(value, language));
  const height = Math.max(120, 36 * figures.length + 40);
  const widest = Math.max(...figures.map(({ name }) => name.length), 4);
  return (
    <div
      role="img"
      aria-label={`${label}: ${figures.map(({ name, value }) => `${name} ${said(value)}`).join(', ')}`}
      style={{ height }}
    >
      {drawn && (
        <ResponsiveContainer width="100%" height="100%">
          <BarChart
            data={figures}
            layout="vertical"
            margin={{ left: 0, right: 24, top: 4, bottom: 4 }}
            accessibilityLayer={false}
          >
            <CartesianGrid horizontal={false} stroke={grid} />
            <XAxis
              type="number"
              allowDecimals={false}
              stroke={ink}
              fontSize={12}
              tickFormatter={said}
              minTickGap={24}
            />
            <YAxis type="category" dataKey="name" width={Math.min(200, 8 * widest + 16)} stroke={ink} fontSize={12} />
            <Tooltip cursor={false} formatter={(value) => [said(Number(value)), label]} contentStyle={tooltip} />
            <Bar dataKey="value" maxBarSize={28} fill={series[0]} isAnimationActive={false} />
          </BarChart>
        </ResponsiveContainer>
      )}
    </div>
  );
}
