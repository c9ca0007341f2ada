import type pg from "pg";
import type { Settings } from "../platform/settings.ts";
import { OpenSearchTracking } from "./opensearch/store.ts";
import { PostgresTracking } from "./postgres.ts";
import type { TrackingStore } from "./store.ts";

/** Returns the tracking store of this platform: the OpenSearch that its settings name, or its own Postgres. */
export const trackingStore = ({ tracking }: Pick<Settings, "tracking">, db: pg.Pool): TrackingStore =>
  tracking ? new OpenSearchTracking(tracking) : new PostgresTracking(db);
