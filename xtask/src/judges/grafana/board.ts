// A board as Grafana's published types describe it: the dashboard, and the options of each kind of panel.
import type { Dashboard, Panel, RowPanel } from './node_modules/@grafana/schema';
import type * as timeseries from './node_modules/@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';
import type * as heatmap from './node_modules/@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen';
import type * as states from './node_modules/@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as stat from './node_modules/@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as bars from './node_modules/@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';

// What JSON can say of a type: strings in the place of enums.
export type Json<T> = T extends string ? `${T}`
  : T extends number | boolean | null | undefined ? T
  : T extends (infer U)[] ? Json<U>[]
  : T extends object ? { [K in keyof T]: Json<T[K]> }
  : T;

// No types of the Prometheus data source are published; these are its own editor's fields.
interface Target {
  datasource: { type: 'prometheus'; uid: string };
  editorMode: 'code' | 'builder';
  expr: string;
  format: 'time_series' | 'table' | 'heatmap';
  instant: boolean;
  legendFormat: string;
  range: boolean;
  refId: string;
}
type Drawn<Type extends string, Options, Custom> =
  Omit<Json<Panel>, 'type' | 'options' | 'fieldConfig' | 'targets'> & {
    type: Type;
    options: Json<Options>;
    fieldConfig: { defaults: Omit<Json<NonNullable<Panel['fieldConfig']>['defaults']>, 'custom'> & { custom: Json<Custom> }; overrides: [] };
    targets: Target[];
  };
export type Board = Omit<Json<Dashboard>, 'panels'> & { panels: (
  | Json<RowPanel>
  | Drawn<'timeseries', timeseries.Options, timeseries.FieldConfig>
  | Drawn<'heatmap', heatmap.Options, heatmap.FieldConfig>
  | Drawn<'state-timeline', states.Options, states.FieldConfig>
  | Drawn<'stat', stat.Options, {}>
  | Drawn<'bargauge', bars.Options, {}>
)[] };
