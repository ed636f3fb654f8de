import type { Report } from '../../domain/compatibility.ts';
import { Field } from './form.tsx';
import { ReportView } from './report.tsx';
import { channelPath } from './words.ts';

interface CheckFormProps {
  channel: string;
  version: string;
  report?: Report | null;
  /** What is wrong with the version. */
  fault?: string | null;
}

/** A question to the gate, and its answer. */
export function CheckForm({ channel, version, report, fault }: CheckFormProps) {
  const action = channelPath(channel, '/check');
  return (
    <section class="panel" id="check">
      <h2>May the target be…</h2>
      <form
        method="get"
        action={action}
        class="inline"
        hx-get={action}
        hx-target="#check"
        hx-select="#check"
        hx-swap="outerHTML"
      >
        <Field label="Version" name="version" value={version} required maxlength={100} />
        <button type="submit">Check</button>
      </form>
      {/* Nothing that is asked here is known to the page that refreshes itself. */}
      <div id="verdict" aria-live="polite" hx-morph-skip="">
        {fault && <p class="fault">{fault}</p>}
        {report && <ReportView report={report} channel={channel} />}
      </div>
    </section>
  );
}
