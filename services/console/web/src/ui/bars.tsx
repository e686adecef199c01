// Figures that people would rather look at than read; whoever can't look hears them.
import { useComputedColorScheme, useMantineTheme } from '@mantine/core';
import { Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import { number } from '../format';
import { useWords } from '../i18n';

export interface Figure {
  name: string;
  value: number;
}

export default function Bars({ label, figures }: { label: string; figures: Figure[] }) {
  const { language } = useWords();
  const { colors } = useMantineTheme();
  const dark = useComputedColorScheme('light') === 'dark';
  const ink = dark ? colors.gray[4] : colors.gray[7];
  const height = Math.max(120, 36 * figures.length + 40);
  const widest = Math.max(...figures.map(({ name }) => name.length), 4);
  return (
    <div
      role="img"
      aria-label={`${label}: ${figures.map(({ name, value }) => `${name} ${number(value, language)}`).join(', ')}`}
      style={{ height }}
    >
      <ResponsiveContainer width="100%" height="100%">
        <BarChart
          data={figures}
          layout="vertical"
          margin={{ left: 0, right: 24, top: 4, bottom: 4 }}
          accessibilityLayer={false}
        >
          <CartesianGrid horizontal={false} stroke={dark ? colors.dark[4] : colors.gray[3]} />
          <XAxis type="number" allowDecimals={false} stroke={ink} tickFormatter={(value) => number(value, language)} />
          <YAxis type="category" dataKey="name" width={Math.min(200, 9 * widest + 16)} stroke={ink} />
          <Tooltip
            cursor={false}
            formatter={(value) => [number(Number(value), language), label]}
            contentStyle={{ background: dark ? colors.dark[6] : '#fff', border: `1px solid ${ink}` }}
          />
          <Bar dataKey="value" fill={dark ? colors.hansa?.[4] : colors.hansa?.[7]} isAnimationActive={false} />
        </BarChart>
      </ResponsiveContainer>
    </div>
  );
}
