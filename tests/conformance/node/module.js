'use strict';
/* A module as its author would write it: everything it knows is in its environment and behind the workload socket.
 * The gateway is the cloud itself here (IOTEDGE_GATEWAYHOSTNAME is taken out): there is no hub on this device. */
delete process.env.IOTEDGE_GATEWAYHOSTNAME;
const fs = require('fs');
const { ModuleClient, Message } = require('azure-iot-device');
const transport = process.env.TRANSPORT === 'amqp' ? require('azure-iot-device-amqp').Amqp : require('azure-iot-device-mqtt').Mqtt;

ModuleClient.fromEnvironment(transport, (error, client) => {
  if (error) {
    console.error(`no client: ${error}`);
    process.exit(1);
  }
  client.setOptions({ ca: fs.readFileSync('/ca/ca.pem', 'utf8') }, () => client.open(async (failed) => {
    if (failed) {
      console.error(`not open: ${failed}`);
      process.exit(1);
    }
    client.onMethod('echo', (request, response) => response.send(200, request.payload, () => {}));
    const twin = await client.getTwin();
    twin.properties.reported.update({ hello: twin.properties.desired.hello || 'nobody' }, () => console.log('reported'));
    await client.sendOutputEvent('out', new Message('one'));
    console.log('sent');
  }));
});
