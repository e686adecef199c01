// What charts are drawn with, in light and dark.
import { useComputedColorScheme, useMantineTheme } from '@mantine/core';

export function useInk() {
  const { colors } = useMantineTheme();
  const dark = useComputedColorScheme('light') === 'dark';
  const ink = dark ? colors.gray[4] : colors.gray[7];
  return {
    ink,
    grid: dark ? colors.dark[4] : colors.gray[3],
    // They differ in lightness too: whoever sees no colours tells them apart.
    series: dark ? [colors.hansa?.[4], colors.orange[2]] : [colors.hansa?.[7], colors.orange[5]],
    tooltip: { background: dark ? colors.dark[6] : '#fff', border: `1px solid ${ink}` },
  };
}
