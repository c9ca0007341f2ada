import type pg from "pg";
import { PostgresTracking } from "./postgres.ts";
import type { TrackingStore } from "./store.ts";

/** The tracking store of this platform. */
export const trackingStore = (db: pg.Pool): TrackingStore => new PostgresTracking(db);
