// Stock out of a file.
import { NumberInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'wouter';
import { useWords } from '../i18n';
import { inventory } from '../rpc';
import { FileRows } from '../ui/rows';
import { Page } from '../ui/states';

const columns = ['gtin', 'sku', 'name', 'location', 'lot', 'quantity', 'unit', 'safety_stock'] as const;
type Cells = Record<(typeof columns)[number], string>;

export default function Import() {
  const { t } = useWords();
  const [location, setLocation] = useState('MAIN');
  const [units, setUnits] = useState<number | string>('');
  return (
    <Page title={t.import.title}>
      <FileRows
        columns={columns}
        touched="level"
        send={(rows, dryRun) =>
          inventory.importRows({
            options: { dryRun, location: location.trim(), quantity: String(units) },
            rows: rows.map(({ line, cells }) => {
              const { safety_stock: safetyStock, ...row } = cells as Cells;
              return { line, ...row, safetyStock };
            }),
          })
        }
      >
        <TextInput
          label={t.stock.place}
          value={location}
          maxLength={40}
          onChange={(event) => setLocation(event.currentTarget.value)}
        />
        <NumberInput label={t.import.quantity} value={units} onChange={setUnits} min={0} allowDecimal={false} />
      </FileRows>
      <Link href="/stock">{t.nav.stock}</Link>
    </Page>
  );
}
