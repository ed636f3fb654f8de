import type { Report } from '../../domain/compatibility.ts';
import { Field } from './form.tsx';
import { ReportView } from './report.tsx';
import { channelPath } from './words.ts';

interface CheckFormProps {
  channel: string;
  version: string;
  report?: Report | null;
  /** What is wrong with the typed version. */
  fault?: string | null;
}

/** Asks the gate about a version, and shows its answer. */
export function CheckForm({ channel, version, report, fault }: CheckFormProps) {
  const action = channelPath(channel, '/check');
  return (
    <section class="panel" id="check">
      <h2>Check a version</h2>
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
      {/* A page that reloads itself does not know what was asked here, so it leaves this part alone. */}
      <div id="verdict" aria-live="polite" hx-morph-skip="">
        {fault && <p class="fault">{fault}</p>}
        {report && <ReportView report={report} channel={channel} />}
      </div>
    </section>
  );
}
