// Audits messages in batches. A message that says "reject" fails its whole batch.
exports.handler = async (event) => {
  for (const record of event.Records) {
    if (record.body === "reject") throw new Error("rejected by the auditor");
    console.log(`audited ${record.messageId}`);
  }
  return { audited: event.Records.length };
};
