import type { PlanStatus } from '../../database/generated/prisma/enums.js';

/** What happened to plans, by event type. The texts are not copied: `plan_revision` keeps them all. */
export interface PlanEventData {
  PlanCreated: { after: PlanStatus; title: string };
  PlanRevised: { before: PlanVersion; after: PlanVersion };
  PlanStatusChanged: { before: PlanStatus; after: PlanStatus };
}

interface PlanVersion {
  revision: number;
  title: string;
}
