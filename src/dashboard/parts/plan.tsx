import { who } from '../../domain/words.ts';
import type { PlanState } from '../../service/plans.ts';
import { describeBasis } from './evidence-words.ts';
import { Moment } from './moment.tsx';
import { Version } from './version.tsx';

/** A channel's plan across majors, and what its next step waits for. */
export function PlanView({ state: { plan, next, waiting, report }, now }: { state: PlanState; now: Date }) {
  if (!plan) return null;
  return (
    <section class="panel">
      <div class="heading">
        <h2>
          On the way to <Version version={plan.target} />
        </h2>
        <p class="muted">
          by {who(plan.startedBy)} <Moment at={plan.startedAt} now={now} />: {plan.reason}
        </p>
      </div>
      <ol class="steps">
        {plan.route.map((version, index) => (
          <li class={index < plan.step ? 'done' : undefined} aria-current={index === plan.step ? 'step' : undefined}>
            <Version version={version} />
          </li>
        ))}
      </ol>
      <p>
        {waiting ? (
          <>
            <b>{next} waits:</b> {waiting.detail}
          </>
        ) : (
          `${next} is next, within seconds.`
        )}
      </p>
      {report && <p class="muted">{describeBasis(report.evidence)}</p>}
    </section>
  );
}
