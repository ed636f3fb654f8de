import { Remarks, type Schema, SchemaView, TypeName } from './schema.tsx';

type Content = Record<string, { schema?: Schema }>;

export interface OperationObject {
  tags?: string[];
  summary?: string;
  description?: string;
  parameters?: { name: string; in: string; required?: boolean; schema?: Schema; description?: string }[];
  requestBody?: { description?: string; content?: Content };
  responses?: Record<string, { description?: string; content?: Content }>;
}

interface OperationProps {
  method: string;
  path: string;
  operation: OperationObject;
}

/** One request of the API, closed until a person opens it. */
export function Operation({ method, path, operation }: OperationProps) {
  const { summary, description, parameters = [], requestBody, responses = {} } = operation;
  return (
    <details class="operation">
      <summary>
        <span class={`method ${method}`}>{method.toUpperCase()}</span> <code>{path}</code>
        <span class="muted"> {summary}</span>
      </summary>
      {description && <p>{description}</p>}
      {parameters.length > 0 && (
        <>
          <h4>Parameters</h4>
          <dl class="schema">
            {parameters.map((parameter) => (
              <>
                <dt>
                  <code>{parameter.name}</code> <small class="muted">{parameter.in}</small>
                </dt>
                <dd>
                  {parameter.schema && <TypeName schema={parameter.schema} />}{' '}
                  <span class="muted">
                    {parameter.description ?? (parameter.schema && <Remarks schema={parameter.schema} />)}
                  </span>
                </dd>
              </>
            ))}
          </dl>
        </>
      )}
      {requestBody && (
        <>
          <h4>Body</h4>
          {requestBody.description && <p>{requestBody.description}</p>}
          <Bodies content={requestBody.content} />
        </>
      )}
      <h4>Answers</h4>
      {Object.entries(responses).map(([status, response]) => (
        <div class="answer">
          <p>
            <b>{status === 'default' ? 'otherwise' : status}</b> {response.description}
          </p>
          <Bodies content={response.content} />
        </div>
      ))}
    </details>
  );
}

function Bodies({ content = {} }: { content?: Content | undefined }) {
  const [first] = Object.values(content);
  const types = Object.keys(content).join(' or ');
  return first?.schema ? (
    <>
      <p class="muted">{types}</p>
      <SchemaView schema={first.schema} />
    </>
  ) : null;
}
