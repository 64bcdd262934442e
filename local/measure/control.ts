/** The local AWS says that a control request makes no sense now. */
export class ControlRefused extends Error {}

/** The local AWS's control endpoint: what no AWS call can do. */
export class AwsControl {
  constructor(private readonly endpoint: string) {}

  get<Answer>(path: string): Promise<Answer> {
    return this.send('GET', path);
  }

  post<Answer>(path: string, body: object = {}): Promise<Answer> {
    return this.send('POST', path, body);
  }

  delete<Answer>(path: string): Promise<Answer> {
    return this.send('DELETE', path);
  }

  private async send<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    const response = await fetch(`${this.endpoint}/_local/${path}`, { method, body: JSON.stringify(body) });
    const answer = (await response.json()) as Answer & { error?: string };
    if (!response.ok) throw new ControlRefused(answer.error ?? `the local AWS answered ${response.status}`);
    return answer;
  }
}
