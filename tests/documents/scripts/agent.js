// What the scripts import as the SDK's test agent: the same call, over REST, against our own server.

async function call(task, params) {
  const { AGENT_URL, AGENT_TOKEN } = process.env;
  const response = await fetch(`${AGENT_URL}/adcp/${task}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${AGENT_TOKEN}` },
    body: JSON.stringify(params),
  });
  const data = await response.json();
  if (!response.ok) {
    return { success: false, error: `${data.adcp_error.code}: ${data.adcp_error.message}` };
  }
  return { success: true, data };
}

export const testAgent = { getMediaBuys: (params) => call('get_media_buys', params) };
